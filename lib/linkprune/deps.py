"""What a script reaches through its imports: files that Snakemake must see to rerun on a change."""

import ast
import importlib.machinery
from pathlib import Path

from linkprune.errors import KernelError

ROOT = Path("lib")
SUFFIX = importlib.machinery.EXTENSION_SUFFIXES  # which spelling of .so this Python loads


def _file(module):
    """The file of a module of linkprune, relative to the repository; None for other modules."""
    if module.split(".")[0] != "linkprune":
        return None
    base = ROOT.joinpath(*module.split("."))
    candidates = [base.with_suffix(".py"), base / "__init__.py"]
    if base.name.startswith("_"):
        candidates = [base.with_suffix(suffix) for suffix in SUFFIX]
    return next((str(path) for path in candidates if path.exists()), None)


def _imports(path):
    for node in ast.walk(ast.parse(Path(path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            # ``from package import module`` names a module, ``from module import name`` does not.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def closure(script):
    """Files of linkprune that a script imports, directly or not, kernels as built: sorted paths.

    The ``__init__`` of a package is left out: ours define nothing that a result depends on.
    """
    seen, todo = set(), [script]
    while todo:
        for path in filter(None, map(_file, _imports(todo.pop()))):
            if path not in seen and not path.endswith("__init__.py"):
                seen.add(path)
                todo += [path] if path.endswith(".py") else []
    return sorted(seen)


def check_built(families, sources):
    """Raise KernelError where the kernels of a family are missing or older than its sources.

    families: names; sources: family -> paths of the files that it is compiled from.
    """
    for family in families:
        built = _file(f"linkprune.kernels._{family}")
        if built is None:
            raise KernelError(f"the {family} kernels are not built: run make setup")
        newer = [
            p for p in sources(family) if Path(p).stat().st_mtime > Path(built).stat().st_mtime
        ]
        if newer:
            raise KernelError(f"{newer[0]} was changed after {built} was built: run make setup")
