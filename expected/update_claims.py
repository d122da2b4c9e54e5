"""Take over what a run says to the claims: make claims, or python expected/update_claims.py FILE.

FILE is results/claims.csv of a run. Its readings replace those of the same claims at the same scale
in expected/claims.csv, and docs/claims.md is written anew; without a FILE only the page is.
"""

import sys
from pathlib import Path

from linkprune import claims, claims_page

HERE = Path(__file__).parent
SCALES = ("demo", "small", "10k", "100k", "1M", "10M", "100M")
READINGS, PAGE = HERE / "claims.csv", HERE.parent / "docs/claims.md"
WHERE = (
    "Made by `make claims` from [expected/claims.yaml](../expected/claims.yaml), which says what "
    "is claimed and how it is judged, and [expected/claims.csv](../expected/claims.csv), what our "
    "runs measured; do not edit. `results/claims.md` is the same for one run of yours. A "
    "published value stands only where it could be read in a public source. Tolerances were fixed "
    "before the comparison: one point of R@k, 5 % of a count, or twice the standard deviation "
    "over builds from several seeds (`results/seeds.csv`) if that is more; an interval (95 %, "
    "paired over queries where two methods are compared) must lie on one side of its bound. In "
    "brackets the scale: demo is the embedded data; one command is given for each scale that "
    "speaks to a claim, in the order of its rows."
)


def merged(old, new):
    """Old readings but for those whose claim and scale are among the new, and these; small scales
    first, claims in the order in which they first come."""
    taken = {(reading["claim"], reading["scale"]) for reading in new}
    both = [r for r in old if (r["claim"], r["scale"]) not in taken] + new
    order = {s: i for i, s in enumerate(dict.fromkeys([*SCALES, *(r["scale"] for r in both)]))}
    claim = {c: i for i, c in enumerate(dict.fromkeys(r["claim"] for r in [*old, *new]))}
    return sorted(both, key=lambda r: (order[r["scale"]], claim[r["claim"]]))


def page(readings, out=PAGE):
    """Write docs/claims.md."""
    found = claims_page.entries(claims.load(HERE / "claims.yaml"), readings)
    claims_page.write_markdown(out, found, "Claims and verdicts", WHERE)


def main(files):
    """Merge the readings of the files and write both."""
    readings = claims.read_csv(READINGS) if READINGS.exists() else []
    for path in files:
        readings = merged(readings, claims.read_csv(path))
    claims.write_csv(READINGS, readings)
    page(readings)


if __name__ == "__main__":
    main(sys.argv[1:])
