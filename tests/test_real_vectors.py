"""On real descriptors: at most a point below the original, at every operating point."""

from pathlib import Path

import pytest

from linkprune import formats, metrics
from linkprune.linkcode import LinkCode

DATA = Path(__file__).parents[1] / "data"
# R@1 of Faiss 1.7.4, one thread, first 100,000 base rows, 64 bytes a vector or less, by efSearch:
# without re-ranking, and with k_reorder 5; then R@10 at 1024 and R@1 of the exhaustive search.
ORIGINAL = {
    ("photosift", "u8bin", "OPQ32_128", "beta4x256"): (
        {1: 0.0938, 16: 0.4012, 64: 0.5546, 256: 0.6311, 1024: 0.6547},
        {1: 0.0958, 16: 0.4169, 64: 0.5870, 256: 0.6712, 1024: 0.6960},
        0.9545,
        0.7204,
    ),
    ("cnn96", "i8bin", "OPQ36_144", "beta4x256"): (
        {1: 0.1313, 16: 0.4838, 64: 0.6106, 256: 0.6673, 1024: 0.6860},
        {1: 0.1337, 16: 0.5059, 64: 0.6443, 256: 0.7055, 1024: 0.7255},
        0.9617,
        0.7471,
    ),
}


@pytest.mark.parametrize("case", ORIGINAL)
def test_not_worse_than_the_original(case):
    name, kind, codec, beta = case
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"data/{name} is absent: put or link the vectors there")
    base = formats.read(str(folder / f"base.{kind}"), 100_000)
    learn, query = (formats.read(str(folder / f"{part}.{kind}")) for part in ("learn", "query"))
    gt = formats.read(str(folder / "gt_100k.ibin"))
    plain, refined, r10, exhaustive = ORIGINAL[case]

    lc = LinkCode.train(learn, codec, threads=2).add(base, M0=6, beta=beta, threads=2)
    for k_reorder, wanted in ((0, plain), (5, refined)):
        for ef, theirs in wanted.items():
            found = lc.search(query, 100, ef, k_reorder, threads=2)
            rank = metrics.true_rank(found.I, gt)
            assert metrics.one_recall_at(rank, 1) >= theirs - 0.01, (k_reorder, ef)
    assert metrics.one_recall_at(rank, 10) >= r10 - 0.01
    _, I = lc.exhaustive(query, 10, threads=2)
    assert metrics.one_recall_at(metrics.true_rank(I, gt), 1) >= exhaustive - 0.01
