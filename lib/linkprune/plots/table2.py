"""Table 2 as a heat table: splits over operating points, a colour for R@1."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from linkprune.plots import style

COLUMNS = (
    "dataset M0 codec beta graph policy mode efSearch k_reorder R@1 R@1_lo R@1_hi published_R@1 "
    "verdict nq".split()
)
SPLIT = ("M0", "codec", "beta", "graph", "policy")
WIDTH, HEIGHT = 0.82, 0.5  # inches of a cell
LIGHT, DARK = 0.05, 0.9  # of the colour map, for the lowest and the highest R@1 of a data set
HIGHEST = 0.995  # R@1 above it has the darkest colour: steps are those of -log(1 - R@1)


def cells(table):
    """What is drawn, one dict a cell as COLUMNS, of the rows of table2.csv."""
    return [{name: row[name] for name in COLUMNS} for row in table]


@style.styled
def heat(cells):
    """One panel a data set: a row for each split, a column for each efSearch and k_reorder.

    cells: as ``cells`` gives them, numbers as text. A cell shows R@1 in per cent, its 95 % Wilson
    interval, and the published R@1 where there is one.
    """
    of_dataset = {}
    for cell in cells:
        of_dataset.setdefault(cell["dataset"], []).append(cell)
    columns = sorted(set(map(_column, cells)), key=_position)
    heights = [len(set(map(_split, own))) for own in of_dataset.values()]
    size = (2.6 + WIDTH * len(columns), sum(HEIGHT * n + 1.3 for n in heights))
    figure = Figure(size, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.12)
    panels = figure.subplots(len(of_dataset), 1, squeeze=False, height_ratios=heights)
    for axes, (dataset, own) in zip(panels[:, 0], of_dataset.items(), strict=True):
        _panel(axes, own, columns)
        nq = int(own[0]["nq"])
        axes.set_title(f"{dataset}: R@1 in per cent of {nq:,} queries", pad=50)
    return figure


def _split(cell):
    return tuple(cell[name] for name in SPLIT)


def _column(cell):
    return cell["mode"], cell["efSearch"], cell["k_reorder"]


def _position(column):
    """By efSearch, then k_reorder; exhaustive last."""
    mode, *numbers = column
    return mode == "exhaustive", [int(x or 0) for x in numbers]


def _panel(axes, own, columns):
    splits = list(dict.fromkeys(map(_split, own)))
    depth = -np.log1p(-np.minimum([float(cell["R@1"]) for cell in own], HIGHEST))
    depth = (depth - depth.min()) / (np.ptp(depth) or 1)
    for cell, share in zip(own, depth, strict=True):
        colour = style.SHARES(LIGHT + (DARK - LIGHT) * share)
        at = columns.index(_column(cell)), splits.index(_split(cell))
        _cell(axes, cell, *at, colour)
    axes.set(xlim=(0, len(columns)), ylim=(len(splits), 0))
    axes.set_yticks(np.arange(len(splits)) + 0.5, _names(splits))
    axes.set_xticks(np.arange(len(columns)) + 0.5, [_below(c) for c in columns])
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False, labelcolor=style.INK)
    axes.spines[:].set_visible(False)
    _groups(axes, columns)


def _cell(axes, cell, x, y, colour):
    ink = style.ink_on(colour)
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="white", lw=1.5))
    lo, share, hi = (100 * float(cell[name]) for name in ("R@1_lo", "R@1", "R@1_hi"))
    texts, heights = [f"{share:.1f}", f"[{lo:.1f}, {hi:.1f}]"], (0.4, 0.76)
    if cell["published_R@1"]:
        texts.append(f"paper {100 * float(cell['published_R@1']):.1f}")
        heights = (0.27, 0.58, 0.82)
    for i, (text, height) in enumerate(zip(texts, heights, strict=True)):
        size = 6 if i else 10
        axes.text(x + 0.5, y + height, text, color=ink, size=size, ha="center", va="center")


def _names(splits):
    """L, codec and regression, and what else tells two splits apart."""
    short = ["  ".join((f"L{M0}", codec, beta)) for M0, codec, beta, *_ in splits]
    return [
        name if short.count(name) == 1 else f"{name}\n{graph} {policy}"
        for name, (*_, graph, policy) in zip(short, splits, strict=True)
    ]


def _below(column):
    mode, _, k_reorder = column
    if mode == "exhaustive":
        return "all"
    return "codes" if k_reorder == "0" else f"first {k_reorder}\nre-ranked"


def _groups(axes, columns):
    """The efSearch over its columns."""
    heads = [ef if mode == "graph" else "exhaustive" for mode, ef, _ in columns]
    for head in dict.fromkeys(heads):
        first, last = heads.index(head), len(heads) - 1 - heads[::-1].index(head)
        text = head if head == "exhaustive" else f"efSearch {head}" if not first else head
        axes.annotate(
            text, ((first + last + 1) / 2, 1), (0, 31), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="center", color=style.INK, weight="bold",
            annotation_clip=False,
        )  # fmt: skip
        axes.axvline(last + 1, color="white", lw=6)
