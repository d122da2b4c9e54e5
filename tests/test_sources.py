import numpy as np
import pytest
from sklearn.datasets import load_digits, load_sample_image

from linkprune import sources
from linkprune.errors import ConfigError


def rows_of(x):
    return {row.tobytes() for row in np.ascontiguousarray(x)}


@pytest.fixture(scope="module")
def patches():
    return sources.patches()


def test_digits_are_all_there_once():
    x = sources.digits()
    assert x["base"].shape == (1497, 64) and x["query"].shape == (300, 64)
    assert x["base"].dtype == x["query"].dtype == np.uint8
    assert np.array_equal(x["learn"], x["base"])
    both = np.concatenate([x["base"], x["query"]])
    assert rows_of(both) == rows_of(load_digits().data.astype(np.uint8))
    assert len(rows_of(both)) == 1797


def test_the_order_depends_on_nothing():
    def splitmix64(i):
        h = (i + 1) * 0x9E3779B97F4A7C15 % 2**64
        h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        h = (h ^ h >> 27) * 0x94D049BB133111EB % 2**64
        return h ^ h >> 31

    assert splitmix64(0) == 0xE220A8397B1DCDAF  # the published first value for state 0
    assert sources._shuffled(300).tolist() == sorted(range(300), key=splitmix64)
    assert sorted(sources._shuffled(28302)) == list(range(28302))
    prefix = sources._shuffled(28302)[:1000]
    assert abs(prefix.mean() / 28302 - 0.5) < 0.05  # a prefix is a sample of the whole


def test_patches_have_the_stated_shapes_and_no_equal_base_rows(patches):
    assert {part: x.shape for part, x in patches.items()} == {
        "base": (28295, 192),
        "query": (4770, 192),
        "learn": (28124, 192),
    }
    assert all(x.dtype == np.uint8 for x in patches.values())
    assert len(rows_of(patches["base"])) == len(patches["base"])
    assert not rows_of(patches["base"]) & rows_of(patches["query"])


def test_no_base_patch_shares_a_pixel_with_a_query_patch(monkeypatch):
    # A photograph in which a pixel is its own address: three channels hold the row and the column.
    y, x = np.mgrid[:427, :640]
    image = np.stack([y // 2, x // 4, y % 2 * 4 + x % 4], axis=2).astype(np.uint8)
    monkeypatch.setattr("sklearn.datasets.load_sample_image", lambda name: image)
    parts = sources.patches()
    pixels = {}
    for part, rows in parts.items():
        assert rows.shape[1] == 192
        address = rows.reshape(-1, 64, 3).astype(int)
        row = address[:, :, 0] * 2 + address[:, :, 2] // 4
        column = address[:, :, 1] * 4 + address[:, :, 2] % 4
        assert (np.ptp(row, axis=1) == 7).all() and (np.ptp(column, axis=1) == 7).all()
        pixels[part] = set((row * 640 + column).ravel().tolist())
        offset = 2 if part == "learn" else 0
        first = 362 if part == "query" else offset
        assert set(((row.min(1) - first) % 4).tolist()) == {0} and row.min() == first
        assert set(((column.min(1) - offset) % 4).tolist()) == {0}
    assert not pixels["base"] & pixels["query"] and not pixels["learn"] & pixels["query"]
    assert len(parts["base"]) == 89 * 159  # the second photograph repeats the first
    assert max(pixels["base"]) < 362 * 640 <= min(pixels["query"])


def test_a_patch_is_a_square_of_the_photograph(patches):
    china = load_sample_image("china.jpg")
    assert china[8:16, 12:20].tobytes() in rows_of(patches["base"])
    assert china[362:370, 4:12].tobytes() in rows_of(patches["query"])
    assert china[6:14, 10:18].tobytes() in rows_of(patches["learn"])


def test_any_range_of_synthetic_rows_is_the_same_rows(monkeypatch):
    edge = 500
    monkeypatch.setattr(sources, "BLOCK", edge)
    whole = sources.synthetic_rows("base", 0, 2 * edge + 10)
    for start, stop in [(0, 1), (edge - 3, edge + 3), (edge, 2 * edge), (5, 2 * edge + 1)]:
        part = sources.synthetic_rows("base", start, stop)
        assert part.tobytes() == whole[start:stop].tobytes()
    assert sources.synthetic_rows("base", 7, 7).shape == (0, 96)
    sources.synthetic_rows("base", 2**40, 2**40 + 1)  # no block before it is generated
    assert len(rows_of(whole)) == len(whole)


def test_synthetic_parts_share_centres_and_no_rows(monkeypatch):
    monkeypatch.setattr(sources, "BLOCK", 1000)
    sizes = {"base": 3000, "query": 50, "learn": 300}
    x = {part: sources.synthetic_rows(part, 0, n) for part, n in sizes.items()}
    everything = np.concatenate(list(x.values()))
    assert everything.dtype == np.float32 and len(rows_of(everything)) == len(everything)
    assert np.allclose(np.linalg.norm(everything, axis=1), 1, atol=1e-6)
    near = ((x["query"][:, None] - x["base"][None]) ** 2).sum(2).min(1)
    far = ((x["query"][:, None] - sources.synthetic_rows("base", 0, 3000, seed=1)) ** 2).sum(2)
    assert near.mean() < 0.6 * far.min(1).mean()


def test_lazy_rows_are_the_rows():
    lazy = sources.SyntheticRows("query", 1000, 20, rank=5, seed=3)
    want = sources.synthetic_rows("query", 0, 1000, d=20, rank=5, seed=3)
    assert (len(lazy), lazy.shape, lazy.dtype) == (1000, want.shape, want.dtype)
    for rows in (slice(None), slice(10, 20), slice(990, 2000), slice(5)):
        assert np.array_equal(lazy[rows], want[rows])


def test_sizes_are_those_of_the_embedded_sets(patches):
    for name, x in (("digits", sources.digits()), ("patches", patches)):
        assert sources.SIZES[f"scikit-learn/{name}"] == {p: rows.shape for p, rows in x.items()}


def test_synthetic_spread_is_what_was_asked():
    at = {"clusters": 1, "normalise": False, "d": 40, "rank": 5}
    x = sources.synthetic_rows("base", 0, 50_000, scale=0.6, noise=0.0, **at)
    x = x - x.mean(0)
    assert np.sqrt((x**2).sum(1).mean()) == pytest.approx(0.6, rel=0.02)
    assert np.linalg.matrix_rank(x[:100], tol=1e-3) == 5
    x = sources.synthetic_rows("base", 0, 50_000, scale=0.0, noise=0.15, **at)
    x = x - x.mean(0)
    assert np.sqrt((x**2).sum(1).mean()) == pytest.approx(0.15, rel=0.02)


def test_streams_differ_in_seed_part_and_block():
    # No golden values: NumPy does not promise them.
    keys = [(s, p, b) for s in (0, 1, 2**64 - 1) for p in sources.STREAMS for b in (0, 1, 152)]
    first = {key: int(sources._stream(*key).integers(0, 2**63)) for key in keys}
    assert len(set(first.values())) == len(keys)
    assert all(int(sources._stream(*key).integers(0, 2**63)) == v for key, v in first.items())


@pytest.mark.parametrize(
    "change",
    [{"rank": 0}, {"rank": 97}, {"clusters": 0}, {"seed": -1}, {"scale": -1.0}, {"noise": -1.0}],
)
def test_impossible_mixtures_are_refused(change):
    with pytest.raises(ConfigError, match=f"{next(iter(change))} "):
        sources.synthetic_rows("base", 0, 1, **change)


def test_impossible_ranges_are_refused():
    for part, start, stop in [("base", -1, 1), ("base", 2, 1), ("test", 0, 1)]:
        with pytest.raises(ConfigError, match="synthetic: "):
            sources.synthetic_rows(part, start, stop)
