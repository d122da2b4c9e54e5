"""Our side: every stage by linkprune, a process each (see measure.py)."""

import dataclasses

import measure
import parity
from measure import EF_CONSTRUCTION, FLOAT_EF, FLOAT_K, FLOAT_M, GRAPH_EF, WARM, M

from linkprune import keys
from linkprune.codec import Codec
from linkprune.index import Index
from linkprune.kernels import beam

SEED = 2018


def train(job):
    """Rotation and product quantiser."""
    from linkprune import opq  # stages import what they need: memory is measured

    learn = job.read("learn")
    with job.clock():
        codec = opq.train(learn, keys.codec(job.codec), SEED, job.threads)
    job.save(rotation=codec.rotation, centroids=codec.centroids)


def graph(job):
    """Codes, and the graph on them."""
    from linkprune import builders

    codec, base, query = Codec(**job.part("train")), job.read("base"), job.read("query")
    key = keys.HNSW(job.M0, M, EF_CONSTRUCTION, job.codec)
    with job.clock():
        codes, _ = codec.encode(base, job.threads)
        built = builders.build(key, base, SEED, codec=codec, codes=codes, threads=job.threads)
    index = Index(codec, codes, built)
    job.save(codes=codes, **dataclasses.asdict(built))
    job.show(**{f"ids_{ef}": index.search(query, job.k, ef).I for ef in GRAPH_EF})


def beta(job):
    """The weights' codebook."""
    from linkprune import beta as training

    codec, links, base = Codec(**job.part("train")), job.part("graph"), job.read("base")
    of, key = (codec, links["codes"], links["neighbors"]), keys.beta(job.beta)
    with job.clock():
        rows = base[: training.TRAIN_ROWS]
        book, history = training.train(key, rows, *of, SEED, threads=job.threads)
    job.save(beta_centroids=book, history=history)


def encode(job):
    """The beta codes of all vectors."""
    from linkprune import regression

    codec, links, base = Codec(**job.part("train")), job.part("graph"), job.read("base")
    book = job.part("beta")["beta_centroids"]
    of = codec, links["codes"], links["neighbors"], book
    with job.clock():
        encoded, _ = regression.encode(base, *of, threads=job.threads)
    job.save(beta_codes=encoded.beta_codes)


def search(job):
    """All queries at one operating point."""
    index, query = parity.index(job.part), job.read("query")
    point = job.k, job.efSearch, job.k_reorder, job.threads
    index.search(query[:WARM], *point)
    with job.clock():
        found = index.search(query, *point)
    job.save(I=found.I, D=found.D, ndis=found.ndis)


def exhaustive(job):
    """Decode everything and search it all."""
    from linkprune import exhaustive as whole

    index, query = parity.index(job.part), job.read("query")
    with job.clock():
        D, I = whole.search(index, query, job.k, job.threads)
    job.save(I=I, D=D)


def float_graph(job):
    """A graph on the vectors themselves."""
    from linkprune import builders

    base, query = job.read("base", "float32"), job.read("query", "float32")
    key = keys.HNSW(2 * FLOAT_M, FLOAT_M, EF_CONSTRUCTION, "float")
    with job.clock():
        built = builders.build(key, base, SEED, threads=job.threads)
    I = beam.search(built, query, FLOAT_K, FLOAT_EF, vectors=base, threads=job.threads)[1]
    job.save(**dataclasses.asdict(built))
    job.show(I=I)


def float_search(job):
    """All queries on that graph."""
    base, query = job.read("base", "float32"), job.read("query", "float32")
    built, point = parity.graph(job.part("float_graph")), (FLOAT_K, job.efSearch)
    beam.search(built, query[:WARM], *point, vectors=base, threads=job.threads)
    with job.clock():
        D, I, ndis, *_ = beam.search(built, query, *point, vectors=base, threads=job.threads)
    job.save(I=I, D=D, ndis=ndis)


STAGES = (train, graph, beta, encode, search, exhaustive, float_graph, float_search)

if __name__ == "__main__":
    measure.main({stage.__name__: stage for stage in STAGES})
