"""Principal directions and the nearest orthogonal matrix, the same bits on every machine.

LAPACK's depend on the instruction set that BLAS finds. Both are one-sided Jacobi here, which a good
start shortens: from one round of OPQ to the next the rotation moves little.
"""

import numpy as np

from linkprune.chunks import chunks
from linkprune.kernels import distance, rotation

GRAM_ROWS = 4096  # summed up in float32 before they are added up in double
ANCHOR = 1e-10  # of the largest entry: what decides directions of which a correlation says nothing


def principal(x, threads=1):
    """Variances, times the number of rows, and principal directions of centred x (n, d) float32.

    Returns (d,) descending and (d, d), a direction a row, both float64.
    """
    d = x.shape[1]
    gram = np.zeros((d, d))
    for part in chunks(len(x), GRAM_ROWS):
        rows = np.ascontiguousarray(x[part])
        gram += distance.matmul(np.ascontiguousarray(rows.T), rows, threads)
    _, directions, squared = rotation.orthogonalise(gram / _scale(gram), np.eye(d))
    return np.sqrt(squared) * _scale(gram), directions


def nearest(correlation, before, basis=None):
    """The matrix r with orthonormal rows (or columns, if fewer) of largest <r, correlation>.

    correlation (n, m) float64; before (n, m), itself of that kind: what r is in directions of which
    the correlation is 0. basis: what the last call returned for a similar correlation. Returns r
    (n, m) float64 and the basis for the next call.
    """
    a = correlation / _scale(correlation) + ANCHOR * before
    tall = a.shape[0] > a.shape[1]
    a = np.ascontiguousarray(a.T if tall else a)
    if basis is None:
        basis = np.eye(len(a))
    turned, basis, squared = rotation.orthogonalise(rotation.product(basis, a), basis)
    turned /= np.sqrt(squared)[:, None]
    r = rotation.product(np.ascontiguousarray(basis.T), turned)
    return (r.T if tall else r), basis


def _scale(x):
    """The largest entry, or 1 where all are 0."""
    return np.abs(x).max() or 1.0
