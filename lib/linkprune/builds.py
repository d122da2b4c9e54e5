"""A row of Table 2 built from a seed of its own, whole: codec, codes, graph, regression, search."""

from linkprune import beta as training
from linkprune import builders, exhaustive, keys, metrics, opq, regression, search
from linkprune.index import Index


def build(data, point, seed, rows, rounds, threads=1):
    """Codec, codes, graph and regression of a row, all of them from one seed.

    data: ``vectors.Vectors``; point: dict of the keys graph, codec, beta; rows, rounds: of the
    training of the regression. Returns the Index and the squared errors per vector, of its codes
    and of its reconstructions (the same without a regression). From the seed of the config it is
    bit for bit what the rules opq, encode, hnsw, beta and encode_beta make.
    """
    names = point["graph"], point["codec"], [point["beta"]]
    (built,) = with_each(data, *names, seed, rows, rounds, threads)
    return built


def with_each(data, graph, codec, betas, seed, rows, rounds, threads=1):
    """As ``build``, for each of several regressions on the same codes and graph, one after the
    other: an Index and its errors for each key of betas."""
    graph = keys.graph(graph)
    coded = {name: _coded(data, name, seed, threads) for name in {codec, graph.space}}
    codec, codes, error = coded[codec]
    space = coded[graph.space][:2] if graph.space != "float" else (None, None)
    graph = builders.build(
        graph, data.base, seed, codec=space[0], codes=space[1], metric=data.metric, threads=threads
    )
    for key in map(keys.beta, betas):
        if key.nsq is None:
            yield Index(codec, codes, graph, metric=data.metric), (error, error)
            continue
        book, _ = training.train(
            key, data.base[:rows], codec, codes, graph.neighbors, seed, rounds, threads
        )
        refined, least = regression.encode(data.base, codec, codes, graph.neighbors, book, threads)
        yield Index(codec, codes, graph, refined, data.metric), (error, least)


def _coded(data, name, seed, threads):
    """Codec, codes and their squared error; nothing of that for a graph on float vectors."""
    if name == "float":
        return None
    codec = opq.train(data.learn, keys.codec(name), seed, threads)
    return codec, *codec.encode(data.base, threads)


def measure(index, query, gt, k, efSearch, k_reorder, whole=True, threads=1):
    """What a build finds: arrays as ``search.grid`` gives them without the ids; where whole, also
    ``exhaustive`` (nq,), the ranks of an exhaustive search.
    """
    points = search.grid(index, query, gt, k, efSearch, k_reorder, threads)
    del points["ids"]
    if whole:
        _, I = exhaustive.search(index, query, k, threads)
        points["exhaustive"] = metrics.true_rank(I, gt)
    return points
