"""Tables, and bars on request, from runs that compare.py measured.

    python bench/report.py RUNS.csv... [--csv BENCH.csv] [--figure BENCH.svg]

Nothing is measured here.
"""

import argparse
import sys
from pathlib import Path

from linkprune import rows, speed, speed_text
from linkprune.errors import DataError, LinkPruneError
from linkprune.plots import bench, style


def main():
    """Read, and write what is asked for."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("runs", nargs="+", type=Path)
    p.add_argument("--csv", type=Path)
    p.add_argument("--figure", type=Path, help="its suffix says the format")
    a = p.parse_args()
    try:
        found = speed.rows(speed.read(a.runs))
        if not found:
            raise DataError(f"{' '.join(map(str, a.runs))}: no runs of ours")
        if a.csv:
            rows.write(a.csv, found, speed.ROW)
        if a.figure:
            style.save(bench.ratios(found), a.figure)
    except (LinkPruneError, OSError, ValueError) as e:  # ValueError: no format of figures
        sys.exit(f"report.py: {e}")
    print(speed_text.markdown(found))


if __name__ == "__main__":
    main()
