"""Going on after kills, and not beside a run that is alive."""

import contextlib
import errno
import os
import random
import subprocess
import time

import pytest
from test_workflow import TOY, Run, accuracy, copied, undisturbed

from linkprune import resume
from linkprune.errors import DataError

KILLS = 4
SEED = os.environ.get("LINKPRUNE_KILL_SEED")  # in hex, from the output of a run that failed


def artifacts(folder):
    return len(list(folder.glob("results/**/[!.]*.h5")))


def test_killed_anywhere_the_same_command_ends_with_the_same_bits(tmp_path, tmp_path_factory):
    want = accuracy(undisturbed(tmp_path_factory)[4])
    seed = SEED or os.urandom(8).hex()
    print(f"LINKPRUNE_KILL_SEED={seed}")
    rng = random.Random(seed)
    folder = copied(tmp_path / "repo")
    for i in range(KILLS):
        run, begun = Run(folder, *TOY), artifacts(folder)
        more, seconds, group = rng.randrange(8), rng.uniform(0, 1), i < KILLS - 1
        while artifacts(folder) < begun + more and run.process.poll() is None:
            time.sleep(0.02)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.process.wait(seconds)
        print(f"kill {i}: {more} more artifacts and {seconds:.3f} s, {artifacts(folder)} in all")
        if run.process.returncode is not None:
            run.well()
            break
        run.kill(group)
    Run(folder, *TOY).well()
    with contextlib.suppress(ProcessLookupError):
        run.kill()  # jobs that outlived the last kill, if they still run
    left = [str(p.relative_to(folder)) for p in folder.rglob(".*.tmp")]
    print(f"temporary files of killed jobs: {left}")
    assert accuracy(folder) == want
    assert "Nothing to be done" in Run(folder, *TOY).well()
    assert not list((folder / ".snakemake").glob("locks/*"))
    # What a kill leaves is hidden, and nothing takes it for an artifact.
    assert all(p.name.startswith(".") for p in folder.rglob("*.tmp"))


def test_a_live_run_is_not_disturbed_by_a_second_one(tmp_path):
    folder = copied(tmp_path / "repo")
    # The second run needs seconds to start; the first must not be done by then.
    target = "results/angles/hnsw_L5_M8_efC20_float/unpruned/OPQ8_32/none/search.h5"
    more = target.replace("angles", "blobs")
    first = Run(folder, *TOY, "--", target, more, cores=1)
    deadline = time.monotonic() + 60
    while not list(folder.glob(".snakemake/locks/*.lock")):
        assert time.monotonic() < deadline and first.process.poll() is None
        time.sleep(0.02)
    status, text = Run(folder, *TOY, "--", target, cores=1).end()
    assert first.process.poll() is None, "the first run ended before the second one was refused"
    assert status != 0
    assert "cannot be locked" in text and "Traceback" not in text
    first.well()
    assert (folder / target).exists()


@pytest.fixture
def locked(tmp_path):
    """A folder with Snakemake's lock in it."""
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    lock = tmp_path / ".snakemake/locks/0.input.lock"
    lock.write_text("results/table2.csv\n")
    return tmp_path, lock


def test_a_stale_lock_is_removed(locked):
    folder, lock = locked
    with resume.unlock_stale(folder):
        assert not lock.exists()


def test_a_folder_without_locks_is_fine(tmp_path):
    resume.unlock_stale(tmp_path).close()
    assert [p.name for p in tmp_path.iterdir()] == [".snakemake"]


def handles(folder, stack):
    """A process, as far as the lock can tell: its handle is closed with the stack."""
    handle = resume.unlock_stale(folder)
    return stack.enter_context(handle or contextlib.nullcontext())


def test_the_lock_of_a_live_process_stays(locked):
    folder, lock = locked
    with contextlib.ExitStack() as alive:
        handles(folder, alive)
        lock.write_text("results/table2.csv\n")
        handles(folder, alive)
        assert lock.exists()
    resume.unlock_stale(folder).close()
    assert not lock.exists()


def test_a_run_that_began_beside_a_dry_run_is_alive_too(locked):
    folder, lock = locked
    with contextlib.ExitStack() as dry, contextlib.ExitStack() as alive:
        handles(folder, dry)
        handles(folder, alive)  # while the dry run lives, which ends before this one does
        lock.write_text("results/table2.csv\n")
        dry.close()
        handles(folder, alive)
        assert lock.exists(), "the lock of a live run was removed"


def test_where_files_cannot_be_locked_the_lock_stays(locked, monkeypatch):
    folder, lock = locked

    def refuse(*args):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(resume.fcntl, "flock", refuse)
    resume.unlock_stale(folder).close()
    assert lock.exists(), "its owner may be alive"


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "logs").write_text("x")
    resume.check_writable([tmp_path / "results", tmp_path / "benchmarks"])
    with pytest.raises(DataError, match="logs: expected a folder that can be written, or nothing"):
        resume.check_writable([tmp_path / "results", tmp_path / "logs"])
