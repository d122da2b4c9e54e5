"""Where artifacts come from: rule, inputs, hash, size and what the job cost."""

import base64
import hashlib
import json
from pathlib import Path

from linkprune import rows, store
from linkprune.errors import DataError

BLOCK = 1 << 20


def records(folder):
    """Snakemake's record of every file that it made: path -> dict with rule, input, log.

    folder: .snakemake/metadata. Names of its files are paths in base 64, long ones in parts.
    What cannot be read is left out: then the page says less.
    """
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            encoded = "".join(p.removeprefix("@") for p in path.relative_to(folder).parts)
            try:
                name = base64.urlsafe_b64decode(encoded).decode()
                found[name] = json.loads(path.read_text())
            except ValueError:
                continue
    return found


def upstream(targets, known):
    """The targets and the results that they were made of, as recorded, those first."""
    order, state = [], {}
    stack = [(path, False) for path in reversed(targets)]
    while stack:
        path, done = stack.pop()
        if done:
            order.append(path)
        elif path not in state:
            state[path] = True
            stack.append((path, True))
            inputs = known.get(path, {}).get("input", [])
            stack += [(i, False) for i in reversed(inputs) if i.startswith("results/")]
    return order


def artifacts(targets, known):
    """What the page says of each artifact: dicts with these names.

    cost: seconds, CPU seconds and peak MB of the job that made it, None where none is recorded.
    DataError where one is not there any more.
    """
    for path in upstream(targets, known):
        record = known.get(path, {})
        yield {
            "path": path,
            "rule": record.get("rule", ""),
            "inputs": list(dict.fromkeys(record.get("input", []))),
            "sha256": sha256(path),
            "bytes": Path(path).stat().st_size,
            "attributes": attributes(path),
            "cost": cost(record.get("log") or []),
        }


def attributes(path):
    """What an HDF5 artifact says made it, name -> text; nothing of other files."""
    if not path.endswith(".h5"):
        return {}
    return {name: str(value) for name, value in sorted(store.attrs(path).items())}


def sha256(path):
    """The hash of a file; DataError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as f:
            while block := f.read(BLOCK):
                digest.update(block)
    except OSError as e:
        raise DataError(f"{path}: no such artifact; run the workflow again") from e
    return digest.hexdigest()


def cost(logs):
    """What the benchmark beside a log says: seconds, cpu_seconds, peak_mb; None without one.

    CPU time and peak are None where the job ended before Snakemake looked at it.
    """
    for log in logs:
        path = Path("benchmarks", *Path(log).parts[1:]).with_suffix(".tsv")
        if path.exists():
            last = rows.read(path, "\t")[-1]
            return {
                "seconds": float(last["s"]),
                "cpu_seconds": _number(last.get("cpu_time")),
                "peak_mb": _number(last.get("max_rss")),
            }
    return None


def _number(text):
    """A number of a benchmark; Snakemake writes NA where it could not measure, or 0."""
    try:
        return float(text) or None
    except (TypeError, ValueError):
        return None
