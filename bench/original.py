"""The original Link & Code, as Faiss 1.7.4 runs it: every stage a process (see measure.py).

    PY=$(bench/original_env.sh .venv174)
    $PY bench/original.py train '{"work": DIR, "out": DIR/original/train, "of": DIR/original, ...}'

Beside out.npz, train leaves trained.faiss and graph index.faiss. Of its key "OPQ32_128,HNSW32_PQ32"
polysemous annealing is left out, which takes half of the training and changes no result. ndis is
the mean of ``hnsw_stats.n3``, without entry point and descent (1.7.4 leaves `ndis` at 0).
"""

import faiss
import measure
import numpy as np
import original_build as parts
from measure import GRAPH_EF, WARM

NTRAIN, BETA_NTRAIN, ROUNDS = 65536, 250000, 10


def train(job):
    """Rotation and product quantiser, alone."""
    learn = job.read("learn", "float32")[:NTRAIN]
    with job.clock():
        index = parts.trained(learn, *parts.parse_codec(job.codec), job.M0)
    rotation, _, storage = parts.components(index)
    faiss.write_index(index, str(job.out / "trained.faiss"))
    job.save(**parts.codec_arrays(rotation, storage))


def graph(job):
    """Insert everything, sort the links."""
    base, query = job.read("base", "float32"), job.read("query", "float32")
    index = faiss.read_index(job.file("train", "trained.faiss"))
    _, links, _ = parts.components(index)
    links.hnsw.efConstruction = measure.EF_CONSTRUCTION
    with job.clock():
        index.add(base)
        links.reorder_links()
    faiss.write_index(index, str(job.out / "index.faiss"))
    job.save(**parts.graph_arrays(index))
    job.show(**parts.found(index, query, job.k, GRAPH_EF))


class Built:
    """The graph of the side ``of``, with the weights where asked for."""

    def __init__(self, job, weights=False):
        self.index = faiss.read_index(job.file("graph", "index.faiss"))
        self.rotation, self.graph, self.storage = parts.components(self.index)
        nsq, k = parts.parse_beta(job.beta, self.rotation.d_out)
        self.beta = parts.Beta(self.graph, nsq, k)
        if weights:
            codes = job.part("encode")["beta_codes"]
            self.beta.attach(self.graph, job.part("beta")["beta_centroids"], codes)


def beta(job):
    """The weights' codebook."""
    built, base = Built(job), job.read("base", "float32")
    x = built.rotation.apply(base)[:BETA_NTRAIN]
    with job.clock():
        centroids, history = built.beta.train(x, ROUNDS)
    job.save(beta_centroids=centroids, history=np.array(history) / len(x))


def encode(job):
    """The beta codes of all vectors."""
    built, base = Built(job), job.read("base", "float32")
    x, centroids = built.rotation.apply(base), job.part("beta")["beta_centroids"]
    with job.clock():
        codes = built.beta.encode(x, centroids)
    job.save(beta_codes=codes)


def search(job):
    """All queries at one operating point."""
    built, query = Built(job, weights=True), job.read("query", "float32")
    built.graph.hnsw.efSearch, built.beta.rfn.k_reorder = job.efSearch, job.k_reorder
    built.index.search(query[:WARM], job.k)
    stats = faiss.cvar.hnsw_stats
    stats.reset()
    with job.clock():
        D, I = built.index.search(query, job.k)
    job.save(I=I.astype(np.int32), D=np.where(I < 0, np.inf, D), ndis=stats.n3 / len(I))


def exhaustive(job):
    """Decode everything, with the weights, and search it all."""
    built, query = Built(job, weights=True), job.read("query", "float32")
    with job.clock():
        flat = faiss.IndexFlatL2(built.rotation.d_out)
        flat.add(built.beta.decode())
        D, I = flat.search(built.rotation.apply(query), job.k)
    x = built.rotation.apply(job.read("base", "float32"))
    plain = built.storage.reconstruct_n(0, built.storage.ntotal)
    errors = [((x - y) ** 2).sum(1).mean(dtype="f8") for y in (plain, built.beta.decode())]
    job.save(I=I.astype(np.int32), D=D)
    job.show(errors=errors)


STAGES = (train, graph, beta, encode, search, exhaustive)

if __name__ == "__main__":
    if not hasattr(faiss, "ReconstructFromNeighbors"):
        raise SystemExit(f"Faiss {faiss.__version__} has no Link & Code: use original_env.sh")
    measure.main({stage.__name__: stage for stage in STAGES})
