"""The first level of codes in two: a product quantiser of 2 ** bits centroids for either half.

What a first level leaves of a vector, a quantiser of 256 centroids per sub-vector codes. A code is
one row of bytes: the numbers of the two centroids, bits each, the lower bits first, then the codes
of the second level. csrc/types.h has the structure.
"""

import functools
from typing import NamedTuple

import numpy as np

from linkprune.errors import ShapeError
from linkprune.kernels import checks, structures
from linkprune.kernels._adc import ffi
from linkprune.kernels._adc import lib as C
from linkprune.kernels.checks import KSUB

_p = functools.partial(checks.pointer, ffi)

PANEL = 32  # centroids that lie side by side
BITS = range(8, 17)


class Coarse(NamedTuple):
    """A first level as the kernels want it.

    centroids (2, 2 ** bits, d / 2) float32, panels the same in the layout of ``panels``; for
    distances also cross (nb,) float32, see ``cross``.
    """

    centroids: np.ndarray
    panels: np.ndarray
    cross: np.ndarray | None = None

    @property
    def bits(self):
        """Bits of the number of a centroid."""
        return self.centroids.shape[1].bit_length() - 1

    @property
    def bytes(self):
        """Bytes of the two numbers together."""
        return code_bytes(self.bits)


def code_bytes(bits):
    """Bytes of the numbers of two centroids."""
    return -(-2 * bits // 8)


def check(centroids, d=None):
    """Refuse centroids that are no first level of vectors with d dimensions (None: of any)."""
    half = None if d is None else d // 2
    checks.array("coarse", centroids, "float32", 2, None, half)
    _, k, half = centroids.shape
    if k not in [1 << bits for bits in BITS]:
        bounds = f"{1 << BITS[0]} ... {1 << BITS[-1]}"
        raise ShapeError(f"coarse: expected a power of two in {bounds} centroids, got {k}")
    if 2 * half > C.ANN_MOST_D or (d is not None and d != 2 * half):
        given = 2 * half if d is None else d
        raise ShapeError(f"coarse: expected an even d of at most {C.ANN_MOST_D}, got {given}")
    return centroids


def panels(centroids):
    """Centroids (..., k, d) float32, k a multiple of 32 -> (..., k / 32, d, 32), contiguous."""
    *first, k, d = centroids.shape
    if centroids.dtype != np.float32 or k % PANEL:
        raise ShapeError(f"centroids: expected float32 (..., multiple of {PANEL}, d), got "
                         f"{centroids.dtype} {centroids.shape}")  # fmt: skip
    return np.ascontiguousarray(centroids.reshape(*first, -1, PANEL, d).swapaxes(-1, -2))


def nearest(x, panels, threads=1):
    """Nearest of k centroids, the smaller number in ties: x (n, d) float32 -> (n,) uint16.

    panels (k / 32, d, 32) float32, k at most 65536.
    """
    threads = checks.positive(threads=threads)
    n, d = checks.array("x", x, "float32", None, None).shape
    k = PANEL * len(checks.array("panels", panels, "float32", None, d, PANEL))
    codes = np.empty(n, np.uint16)
    checks.ok(C.ann_nearest_of(_p(x), _p(panels), n, d, k, threads, _p(codes)), "ann_nearest_of")
    return codes


def sums(x, codes, k):
    """Sums of the rows of x that share a code: x (n, d) float32, codes (n,) uint16 below k.

    Returns sums (k, d) float64, counts (k,) int64.
    """
    k = checks.positive(k=k)
    n, d = checks.array("x", x, "float32", None, None).shape
    checks.array("codes", codes, "uint16", n)
    out, counts = np.empty((k, d)), np.empty(k, np.int64)
    status = C.ann_code_sums(_p(x), _p(codes), n, d, k, _p(out), _p(counts))
    checks.ok(status, "ann_code_sums")
    return out, counts


def pack(numbers, bits):
    """Numbers of centroids, integers (n, 2) below 2 ** bits -> the bytes that codes begin with."""
    bits, numbers = checks.up_to(BITS[-1], bits=bits), np.asarray(numbers)
    if numbers.ndim != 2 or numbers.shape[1] != 2 or numbers.dtype.kind not in "iu":
        raise ShapeError(f"numbers: expected integers (n, 2), got {numbers.dtype} {numbers.shape}")
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < 1 << bits:
        bounds = f"{numbers.min()} ... {numbers.max()}"
        raise ShapeError(f"numbers: expected 0 ... {(1 << bits) - 1}, got {bounds}")
    word = numbers[:, 0].astype("<u4") | numbers[:, 1].astype("<u4") << bits
    return np.ascontiguousarray(word).view(np.uint8).reshape(-1, 4)[:, : code_bytes(bits)]


def cross(codes, centroids, coarse, threads=1):
    """What a squared distance has that depends on the code alone: |r|^2 + 2 c.r, (nb,) float32.

    codes (nb, bytes + nsq) uint8 stand for c + r, c of the first level, a ``Coarse``, and r of the
    second, centroids (nsq, 256, dsub) float32. Then |q - c - r|^2 = |q - c|^2 - 2 q.r + cross.
    """
    threads = checks.positive(threads=threads)
    nsq, _, dsub = checks.array("centroids", centroids, "float32", None, KSUB, None).shape
    s, alive = structures.coarse(ffi, coarse, centroids)
    n = len(checks.array("codes", codes, "uint8", None, coarse.bytes + nsq))
    out = np.empty(n, np.float32)
    status = C.ann_cross(_p(codes), _p(centroids), s, n, nsq, dsub, threads, _p(out))
    checks.ok(status, "ann_cross")
    del alive
    return out
