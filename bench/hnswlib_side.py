"""Hnswlib beside us: a graph on float vectors, and its search (see measure.py)."""

import hnswlib
import measure
import numpy as np
from measure import EF_CONSTRUCTION, FLOAT_EF, FLOAT_K, FLOAT_M, WARM


def float_graph(job):
    """A graph on the vectors; hnswlib gives level 0 twice M links."""
    base, query = job.read("base", "float32"), job.read("query", "float32")
    index = hnswlib.Index("l2", base.shape[1])
    index.set_num_threads(job.threads)
    with job.clock():
        index.init_index(len(base), M=FLOAT_M, ef_construction=EF_CONSTRUCTION, random_seed=2018)
        index.add_items(base, num_threads=job.threads)
    index.save_index(str(job.out / "index.bin"))
    job.save(index=np.fromfile(job.out / "index.bin", np.uint8))
    index.set_ef(FLOAT_EF)
    job.show(I=index.knn_query(query, FLOAT_K)[0].astype(np.int32))


def float_search(job):
    """All queries on that graph."""
    query = job.read("query", "float32")
    index = hnswlib.Index("l2", query.shape[1])
    index.load_index(job.file("float_graph", "index.bin"))
    index.set_ef(job.efSearch)
    index.knn_query(query[:WARM], FLOAT_K, num_threads=job.threads)
    with job.clock():
        I, D = index.knn_query(query, FLOAT_K, num_threads=job.threads)
    job.save(I=I.astype(np.int32), D=D)


if __name__ == "__main__":
    measure.main({"float_graph": float_graph, "float_search": float_search})
