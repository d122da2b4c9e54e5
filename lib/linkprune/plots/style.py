"""The look that all figures share: colours, labels, and how one is saved."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.patheffects import withStroke

from linkprune import store

STYLE = {
    "svg.hashsalt": "linkprune",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "axes.labelcolor": "#333333",
}
DPI = 144  # of bitmaps, and of what is one within a drawing
# Tol's muted colours and one more: as far apart as ten can be for colour-blind readers, to
# whom the numerals say the class again.
CLASSES = (
    "#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255",
    "#AA4499", "#E8823A",
)  # fmt: skip
# Of curves: blue, vermilion, green, purple of Okabe and Ito, olive, dark grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#AA4499", "#8A6D00", "#444444")
INK, GREY, FAINT = "#222222", "#888888", "#C4C4C4"
# Colour maps: of ordered curves, through hues that are told apart and all dark enough for white
# paper, which no map of one lightness after the other is; of shares, white to blue.
LEVELS = mpl.colors.LinearSegmentedColormap.from_list(
    "levels", ("#332288", "#1F6FBF", "#0F8F8C", "#3B8A2A", "#A08500", "#E0701A", "#A5153F")
)
SHARES = mpl.colormaps["Blues"]

styled = mpl.rc_context(STYLE)  # a decorator of functions that draw


def save(figure, path):
    """Write a Figure as what the suffix of the path says, without dates, all or nothing."""
    kind = Path(path).suffix[1:]
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    with store.replacing(path) as part, mpl.rc_context(STYLE):
        figure.savefig(part, format=kind, metadata=dates, dpi=DPI)


def ink_on(colour):
    """White or INK, whichever has the larger contrast ratio (WCAG 2) on a colour."""
    own, ink = _luminance(colour), _luminance(INK)
    return "white" if 1.05 / (own + 0.05) > (own + 0.05) / (ink + 0.05) else INK


def _luminance(colour):
    """Relative luminance, 0 black to 1 white."""
    c = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def label(axes, x, y, text, colour=GREY):
    """A text right of a point."""
    style = {"color": colour, "size": 6.5, "va": "center", "zorder": 6}
    note = axes.annotate(text, (x, y), (6, 0), textcoords="offset points", **style)
    note.set_path_effects([withStroke(linewidth=2, foreground="white")])


def label_ends(axes, ends, size=8, gap=0.065):
    """Labels right of the axes for the ends of curves, kept apart and no higher or lower than the
    axes, each with a line to its end.

    ends: (x, y, text, colour) in data coordinates, of axes whose limits stay as they are; gap: the
    least distance between two labels, as a share of the height of the axes.
    """
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    at = (axes.transScale + axes.transLimits).transform([end[:2] for end in ends])[:, 1]
    for (x, y, text, colour), height in zip(ends, apart(at, gap, (0, 0.97)), strict=True):
        line = {"arrowstyle": "-", "color": colour, "lw": 0.5, "shrinkA": 1, "shrinkB": 0,
                "relpos": (0, 0.5)}  # fmt: skip
        axes.annotate(
            text, (x, y), (1.04, height), textcoords="axes fraction", arrowprops=line, size=size,
            color=colour, va="center", annotation_clip=False,
        )  # fmt: skip


def apart(at, gap, within=(-np.inf, np.inf)):
    """Positions near ``at`` (n,), in the same order, no two nearer than gap; their mean stays, but
    for those that would lie outside of ``within``.
    """
    order = np.argsort(at, kind="stable")
    blocks = []  # of positions that touch: their sum, less what the gaps before them take; count
    for i, x in enumerate(np.asarray(at, np.float64)[order]):
        blocks.append([x - i * gap, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + count]
    means = np.repeat([total / count for total, count in blocks], [count for _, count in blocks])
    placed, below = np.empty(len(order)), np.arange(len(order)) * gap
    placed[order] = np.clip(means + below, within[0] + below, within[1] - below[::-1])
    return placed
