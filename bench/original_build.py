"""What the original builds: the index, and the weights in the way of the authors' driver.

The repeated work of that driver is kept, since its cost is what we compare with: it decodes the
links of a vector again in every round, and searches all parts in order to assign one.
"""

import re

import faiss
import numpy as np
from measure import M

RCOND = 0.01  # singular values below this fraction of the largest one are cut


def parse_codec(key):
    """Sub-quantisers and dimensions after the rotation."""
    match = re.fullmatch(r"OPQ([1-9]\d*)_([1-9]\d*)", key)
    if not match or int(match[2]) % int(match[1]):
        raise ValueError(f"codec {key}: expected OPQm_d with d a multiple of m")
    return int(match[1]), int(match[2])


def parse_beta(key, d_out):
    """Parts and codewords of a key."""
    match = re.fullmatch(r"beta([1-9]\d*)x([1-9]\d*)", key)
    if not match or d_out % int(match[1]) or int(match[2]) > 256:
        raise ValueError(f"beta {key}: expected betaPxK with P dividing {d_out}")
    return int(match[1]), int(match[2])


def trained(learn, nsq, d_out, M0):
    """An empty index: rotation and codes trained on learn (nt, d), then a graph over the codes."""
    rotation = faiss.OPQMatrix(learn.shape[1], nsq, d_out)
    graph = faiss.IndexHNSWPQ(d_out, nsq, M)
    faiss.downcast_index(graph.storage).do_polysemous_training = False
    graph.hnsw.set_nb_neighbors(0, M0)
    rotation.train(learn)
    graph.train(rotation.apply(learn))
    return faiss.IndexPreTransform(rotation, graph)


def components(index):
    """Rotation, graph and PQ storage, in their own classes."""
    graph = faiss.downcast_index(index.index)
    rotation, storage = index.chain.at(0), graph.storage
    return faiss.downcast_VectorTransform(rotation), graph, faiss.downcast_index(storage)


def codec_arrays(rotation, storage):
    """The codec as linkprune has it."""
    pq, array = storage.pq, faiss.vector_to_array
    return {
        "rotation": array(rotation.A).reshape(rotation.d_out, rotation.d_in),
        "centroids": array(pq.centroids).reshape(pq.M, pq.ksub, pq.dsub),
    }


def graph_arrays(index):
    """Codes and graph as linkprune has them."""
    _, graph, storage = components(index)
    hnsw, array = graph.hnsw, faiss.vector_to_array
    links, levels = array(hnsw.neighbors), array(hnsw.levels) - 1
    first = array(hnsw.offsets)[:-1].astype(int)  # a vertex's slots begin here, ...
    at = array(hnsw.cum_nneighbor_per_level)  # ... and those of a level so far behind
    higher = np.flatnonzero(levels)
    vertex = np.repeat(higher, levels[higher])
    start = np.append(0, levels[higher].cumsum())
    level = np.arange(len(vertex)) - np.repeat(start[:-1], levels[higher]) + 1
    return {
        "codes": array(storage.codes).reshape(-1, storage.pq.M),
        "neighbors": links[first[:, None] + np.arange(at[1])],
        "upper_vertex": higher.astype("i4"),
        "upper_start": start.astype("i8"),
        "upper_neighbors": links[(first[vertex] + at[level])[:, None] + np.arange(M)],
        "entry_point": hnsw.entry_point,
        "max_level": hnsw.max_level,
    }


def found(index, query, k, efSearch):
    """What searches of an index find: ids_{efSearch} (nq, k) int32 by name."""
    ids = {}
    for ef in efSearch:
        components(index)[1].hnsw.efSearch = ef
        ids[f"ids_{ef}"] = index.search(query, k)[1].astype(np.int32)
    return ids


class Beta:
    """The weights of one graph: `nsq` parts of `k` codewords. x is rotated base vectors."""

    def __init__(self, graph, nsq, k):
        self.rfn = faiss.ReconstructFromNeighbors(graph, k, nsq)
        self.centroids = np.zeros((nsq, k, self.rfn.M + 1), "float32")
        self.table = np.empty((self.rfn.M + 1, self.rfn.d), "float32")

    def attach(self, graph, centroids, codes):
        """Let the search of the graph use these weights."""
        faiss.copy_array_to_vector(centroids.ravel(), self.rfn.codebook)
        faiss.copy_array_to_vector(codes.ravel(), self.rfn.codes)
        self.rfn.ntotal = graph.ntotal
        graph.reconstruct_from_neighbors = self.rfn

    def encode(self, x, centroids):
        """Codeword of least reconstruction error in every part: (nb, nsq) uint8."""
        faiss.copy_array_to_vector(centroids.ravel(), self.rfn.codebook)
        self.rfn.codes.clear()
        self.rfn.ntotal = 0
        self.rfn.add_codes(len(x), faiss.swig_ptr(x))
        return faiss.vector_to_array(self.rfn.codes).reshape(-1, self.rfn.nsq)

    def decode(self):
        """The regressed reconstructions of all vectors: (nb, d_out) float32."""
        x = np.empty((self.rfn.ntotal, self.rfn.d), "float32")
        self.rfn.reconstruct_n(0, len(x), faiss.swig_ptr(x))
        return x

    def columns(self, part):
        """The dimensions of a part."""
        return slice(part * self.rfn.dsub, (part + 1) * self.rfn.dsub)

    def slots(self, i, columns):
        """What the codes of vertex i and of its links decode to: (dsub, M0+1)."""
        self.rfn.get_neighbor_table(int(i), faiss.swig_ptr(self.table))
        return self.table[:, columns].T

    def first_codewords(self, x, part):
        """k-means of every vector's own best weights: (k, M0+1)."""
        columns, k = self.columns(part), self.rfn.k
        own = np.empty((len(x), self.rfn.M + 1), "float32")
        for i in range(len(x)):
            own[i] = np.linalg.lstsq(self.slots(i, columns), x[i, columns], RCOND)[0]
        kmeans = faiss.Clustering(own.shape[1], k)
        kmeans.niter, kmeans.max_points_per_centroid = 20, len(x)
        kmeans.train(own, faiss.IndexFlatL2(own.shape[1]))
        return faiss.vector_to_array(kmeans.centroids).reshape(k, -1)

    def assign(self, x, part, codewords, rng):
        """Codeword of every vector: an encoding with the codebooks of the other parts zero."""
        if self.rfn.k == 1:
            return np.zeros(len(x), int)
        alone = np.zeros_like(self.centroids)
        alone[part] = codewords
        assigned = self.encode(x, alone)[:, part].astype(int)
        # As theirs: the empty codewords above the largest used one stay empty, and half of the
        # donor's members are drawn with replacement, so that fewer move. Only the seed is ours.
        for empty in sorted(set(range(assigned.max())) - set(assigned)):
            members = np.flatnonzero(assigned == rng.choice(assigned))
            assigned[rng.choice(members, len(members) // 2)] = empty
        return assigned

    def refit(self, x, part, assigned, codewords):
        """Least squares of every codeword over its members, in place; returns the squared error."""
        columns, error = self.columns(part), 0.0
        for c in range(len(codewords)):
            members = np.flatnonzero(assigned == c)
            slots = np.empty((len(members), self.rfn.dsub, self.rfn.M + 1))
            for row, i in enumerate(members):
                slots[row] = self.slots(i, columns)
            codewords[c], residual, *_ = np.linalg.lstsq(
                slots.reshape(-1, self.rfn.M + 1), x[members, columns].ravel(), RCOND
            )
            error += float(residual.sum())  # lstsq reports no residual below full rank
        return error

    def train(self, x, rounds):
        """Codebook (nsq, k, M0+1) float32, and the squared error by part and round."""
        rng, centroids, errors = np.random.RandomState(0), np.zeros_like(self.centroids), []
        for part, codewords in enumerate(centroids):
            codewords[:] = self.first_codewords(x, part)
            errors.append([])
            for _ in range(rounds):
                assigned = self.assign(x, part, codewords, rng)
                errors[part].append(self.refit(x, part, assigned, codewords))
        return centroids, errors
