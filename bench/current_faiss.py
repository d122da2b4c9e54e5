"""Faiss of today beside us: the stages that it still has, with the settings that do it justice.

Its default keeps a fifth of every list of links free, which costs recall at six links, and its
distance kernel for small batches is slow in training: both are off. Otherwise as original.py.
"""

import faiss
import measure
import numpy as np
import original_build as parts
from measure import EF_CONSTRUCTION, FLOAT_EF, FLOAT_K, FLOAT_M, GRAPH_EF, WARM
from original import NTRAIN


def train(job):
    """Rotation and product quantiser."""
    learn = job.read("learn", "float32")[:NTRAIN]
    with job.clock():
        index = parts.trained(learn, *parts.parse_codec(job.codec), job.M0)
    rotation, _, storage = parts.components(index)
    job.save(**parts.codec_arrays(rotation, storage))


def graph(job):
    """The graph on codes, from the codec of the original."""
    base, query = job.read("base", "float32"), job.read("query", "float32")
    index = faiss.read_index(job.file("train", "trained.faiss"))
    _, links, _ = parts.components(index)
    links.hnsw.efConstruction, links.hnsw.prune_headroom = EF_CONSTRUCTION, 0
    with job.clock():
        index.add(base)
        links.reorder_links()
    job.save(index=faiss.serialize_index(index))
    job.show(**parts.found(index, query, job.k, GRAPH_EF))


def search(job):
    """All queries on the index of the original, which this version reads."""
    query = job.read("query", "float32")
    index = faiss.read_index(job.file("graph", "index.faiss"))
    parts.components(index)[1].hnsw.efSearch = job.efSearch
    index.search(query[:WARM], job.k)
    with job.clock():
        D, I = index.search(query, job.k)
    job.save(I=I.astype(np.int32), D=D)


def float_graph(job):
    """A graph on the vectors themselves."""
    base, query = job.read("base", "float32"), job.read("query", "float32")
    index = faiss.IndexHNSWFlat(base.shape[1], FLOAT_M)
    index.hnsw.efConstruction, index.hnsw.prune_headroom = EF_CONSTRUCTION, 0
    with job.clock():
        index.add(base)
    index.hnsw.efSearch = FLOAT_EF
    faiss.write_index(index, str(job.out / "index.faiss"))
    job.save(index=faiss.serialize_index(index))
    job.show(I=index.search(query, FLOAT_K)[1].astype(np.int32))


def float_search(job):
    """All queries on that graph."""
    query = job.read("query", "float32")
    index = faiss.read_index(job.file("float_graph", "index.faiss"))
    index.hnsw.efSearch = job.efSearch
    index.search(query[:WARM], FLOAT_K)
    with job.clock():
        D, I = index.search(query, FLOAT_K)
    job.save(I=I.astype(np.int32), D=D)


STAGES = (train, graph, search, float_graph, float_search)

if __name__ == "__main__":
    faiss.cvar.distance_compute_blas_threshold = 20
    measure.main({stage.__name__: stage for stage in STAGES})
