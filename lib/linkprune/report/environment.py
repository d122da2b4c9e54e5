"""Where and with what a run was made: commit, machine, versions."""

import importlib.metadata
import os
import platform
import subprocess

from linkprune import timing


def git(folder):
    """The commit of a checkout and whether its files are those of it; None for what is no checkout.

    changed: how many files of the commit differ; files that git does not track do not count.
    """
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    changed = (_git(folder, "status", "--porcelain", "--untracked-files=no") or "").splitlines()
    date = _git(folder, "show", "--no-patch", "--format=%cs", "HEAD")
    return {"commit": head.strip(), "date": (date or "").strip(), "changed": len(changed)}


def _git(folder, *args):
    """What git prints, or None where there is no git or no checkout."""
    try:
        run = subprocess.run(
            ["git", "--no-optional-locks", *args], cwd=folder, capture_output=True, text=True
        )
    except OSError:
        return None
    return run.stdout if run.returncode == 0 else None


def machine():
    """Processor, cores at hand, memory, system: name -> text; nothing that names the machine."""
    found = timing.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": found["cpu"],
        "cores": str(found["cores"]),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "OpenMP waits": found["omp_wait_policy"],
    }


def versions(requirements):
    """Python, and the installed version of every package that a requirements file pins."""
    with open(requirements) as f:
        names = [line.split("==")[0].strip() for line in f if "==" in line and line[0] != "#"]
    found = {"Python": platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
