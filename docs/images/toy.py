"""The picture of the README, in half a minute: python docs/images/toy.py

The toy example as results/figures/toy.svg has it, as a small bitmap.
"""

import io
from pathlib import Path

from PIL import Image

from linkprune import toy
from linkprune.plots import toy as drawing

SEED = 2018  # as in config.yaml
COLOURS = 128
SPREAD = Image.Quantize.MAXCOVERAGE  # the median cut would take small patches of colour away
ROUNDS = 1  # of k-means from there: without it the faint grey links are greenish

figure = drawing.graphs(toy.run(SEED, threads=1), toy.HUB, toy.EFSEARCH)
figure.suptitle("")
bitmap = io.BytesIO()
figure.savefig(bitmap, format="png", dpi=80, bbox_inches="tight", pad_inches=0.15)
whole = Image.open(bitmap).convert("RGB")
picture = whole.quantize(COLOURS, SPREAD, kmeans=ROUNDS, dither=Image.Dither.NONE)
picture.save(Path(__file__).with_name("toy.png"), optimize=True)
