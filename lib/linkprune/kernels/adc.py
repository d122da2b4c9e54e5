"""Product quantisation: 256 centroids per sub-vector, centroids (nsq, 256, dsub) float32."""

import functools

import numpy as np

from linkprune.kernels import checks, structures
from linkprune.kernels._adc import ffi
from linkprune.kernels._adc import lib as C
from linkprune.kernels.checks import KSUB

_p = functools.partial(checks.pointer, ffi)


def tables(x, centroids, ip=False, threads=1):
    """Distances of sub-vectors and centroids: x (n, nsq * dsub) -> (n, nsq, 256) float32."""
    threads, ip = checks.positive(threads=threads), checks.flag("ip", ip)
    cent = checks.transposed(centroids)
    nsq, dsub = cent.shape[:2]
    n = len(checks.array("x", x, "float32", None, nsq * dsub))
    out = np.empty((n, nsq, KSUB), np.float32)
    status = C.ann_adc_tables(_p(x), _p(cent), n, nsq, dsub, ip, threads, _p(out))
    checks.ok(status, "ann_adc_tables")
    return out


def encode(x, centroids, threads=1):
    """Nearest centroid of every sub-vector: x (n, nsq * dsub) -> codes (n, nsq) uint8."""
    threads = checks.positive(threads=threads)
    cent = checks.transposed(centroids)
    nsq, dsub = cent.shape[:2]
    n = len(checks.array("x", x, "float32", None, nsq * dsub))
    codes = np.empty((n, nsq), np.uint8)
    checks.ok(C.ann_pq_encode(_p(x), _p(cent), n, nsq, dsub, threads, _p(codes)), "ann_pq_encode")
    return codes


def decode(codes, centroids, threads=1, coarse=None):
    """Centroids of the codes, side by side: codes (n, nsq) -> (n, nsq * dsub) float32.

    With the first level of codes in two, a ``coarse.Coarse``, codes are (n, bytes + nsq).
    """
    threads = checks.positive(threads=threads)
    nsq, _, dsub = checks.array("centroids", centroids, "float32", None, KSUB, None).shape
    first, alive = structures.coarse(ffi, coarse, centroids)
    size = nsq if coarse is None else coarse.bytes + nsq
    n = len(checks.array("codes", codes, "uint8", None, size))
    x = np.empty((n, nsq * dsub), np.float32)
    status = C.ann_pq_decode(_p(codes), _p(centroids), first, n, nsq, dsub, threads, _p(x))
    checks.ok(status, "ann_pq_decode")
    del alive
    return x


def class_sums(x, codes, threads=1):
    """Sums of the vectors that share a code, for every sub-quantiser.

    x (n, d) float32, codes (n, nsq) uint8 -> sums (nsq, 256, d) float32, counts (nsq, 256) int64.
    """
    threads = checks.positive(threads=threads)
    n, d = checks.array("x", x, "float32", None, None).shape
    nsq = checks.array("codes", codes, "uint8", n, None).shape[1]
    sums, counts = np.empty((nsq, KSUB, d), np.float32), np.empty((nsq, KSUB), np.int64)
    status = C.ann_class_sums(_p(x), _p(codes), n, d, nsq, threads, _p(sums), _p(counts))
    checks.ok(status, "ann_class_sums")
    return sums, counts
