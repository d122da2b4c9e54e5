"""What the wrappers ask of arrays and return codes before and after a kernel runs."""

import functools
import operator

import numpy as np

from linkprune.errors import KernelError, ShapeError

KSUB = 256  # centroids of a sub-quantiser, codewords of a beta codebook: one byte

LARGEST = 2**31 - 1  # as far as C's int goes
# More are a mistake. OpenMP ends the process where it cannot start as many as it is told: where
# memory or processes are limited, fewer may be too many, and nothing here can know that.
MOST_THREADS = 4096

CTYPE = {  # of dtypes, as an array has them
    np.dtype("float32"): "float[]",
    np.dtype("float64"): "double[]",
    np.dtype("int8"): "int8_t[]",
    np.dtype("uint8"): "uint8_t[]",
    np.dtype("uint16"): "uint16_t[]",
    np.dtype("uint32"): "uint32_t[]",
    np.dtype("int32"): "int32_t[]",
    np.dtype("int64"): "int64_t[]",
}
# To make a dtype of a name, or a name of one, costs more than all the other checks.
_dtype = functools.cache(np.dtype)


def array(name, x, dtype, *shape):
    """Refuse ``x`` unless it is a contiguous array of this dtype and shape (None: any length)."""
    if not isinstance(x, np.ndarray) or x.dtype != _dtype(dtype):
        raise ShapeError(f"{name}: expected a {dtype} array, got {getattr(x, 'dtype', type(x))}")
    if x.ndim != len(shape) or not _fits(x.shape, shape):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise ShapeError(f"{name}: expected shape ({wanted}), got {x.shape}")
    flags = x.flags
    if not (flags.c_contiguous and flags.aligned):
        raise ShapeError(f"{name}: expected a C-contiguous, aligned array")
    return x


def _fits(got, wanted):
    for n, m in zip(got, wanted, strict=True):  # a kernel is called often: no generator
        if m is not None and n != m:
            return False
    return True


def writable(name, x, dtype, *shape, beside=()):
    """Refuse ``x``, which a kernel is to write to, as ``array`` does, and where it is read-only or
    overlaps an array that the kernel reads or writes ``beside`` it."""
    if not array(name, x, dtype, *shape).flags.writeable:
        raise ShapeError(f"{name}: expected a writable array, this one is read-only")
    if any(np.may_share_memory(x, other) for other in beside):
        raise ShapeError(f"{name}: expected an array that does not overlap others of the call")
    return x


def ids(name, x, nb, *shape, least=-1):
    """Refuse ``x`` unless it holds int32 ids of nb vertices, -1 meaning none (least 0: no -1)."""
    array(name, x, "int32", *shape)
    if x.size and (x.min() < least or x.max() >= nb):
        bounds = f"{least} ... {nb - 1}, got {x.min()} ... {x.max()}"
        raise ShapeError(f"{name}: ids must lie in {bounds}")
    return x


def distinct(name, x):
    """Refuse checked ids ``x`` (n,) of which one is there twice."""
    if len(np.unique(x)) < len(x):
        raise ShapeError(f"{name}: a vertex is there twice, expected each once")


def pointer(ffi, x):
    """A checked array as a family's ffi passes it, without a copy; ``x`` must outlive the call."""
    return ffi.from_buffer(CTYPE[x.dtype], x)


def positive(**values):
    """Refuse values that are not integers of at least 1, and more threads than any machine has.

    This one, ``natural`` and ``up_to`` return them as ints, one as it is and several as a list:
    sums of NumPy's integers would overflow.
    """
    return _integers(values, 1, LARGEST)


def natural(**values):
    """Refuse values that are not integers of at least 0."""
    return _integers(values, 0, LARGEST)


def is_integer(value):
    """Whether a value is an integer, Python's or NumPy's: True and False are none."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def share(name, value):
    """Refuse a value that is no number from 0 on and below 1; returns it as a float."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and value is not True
    if not (number and 0 <= value < 1):
        raise ShapeError(f"{name}: expected a number from 0 on and below 1, got {value!r}")
    return float(value)


def flag(name, value):
    """Refuse a value that is neither True nor False, Python's or NumPy's; returns Python's."""
    if not isinstance(value, (bool, np.bool_)):
        raise ShapeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def by_inner_product(metric):
    """Whether a metric is the inner product, "ip", and not "l2"; refuses any other."""
    if metric not in ["l2", "ip"]:  # a list can be asked for what has no hash
        raise ShapeError(f"metric {metric}: expected l2 or ip")
    return metric == "ip"


def up_to(most, **values):
    """Refuse values that are not integers from 1 to ``most``."""
    return _integers(values, 1, most)


def _integers(values, least, most):
    found = []
    for name, value in values.items():
        limit = MOST_THREADS if name == "threads" else most
        if not is_integer(value) or value < least:
            raise ShapeError(f"{name}: expected an integer of at least {least}, got {value!r}")
        if value > limit:
            raise ShapeError(f"{name}: expected an integer of at most {limit}, got {value!r}")
        found.append(operator.index(value))
    return found if len(found) > 1 else found[0]


def apart(C, threads, size, dtype, make=np.empty):
    """Scratch of ``size`` places for every thread, as far apart as the kernels C expect it."""
    return make((threads, size + C.ANN_APART // np.dtype(dtype).itemsize), dtype)


def ok(status, kernel):
    """Turn a kernel's return code into an exception."""
    if status != 0:
        raise KernelError(f"{kernel}: refused its arguments (code {status})")


def transposed(centroids):
    """Centroids (nsq, 256, dsub) -> (nsq, dsub, 256), the layout of the table kernels."""
    array("centroids", centroids, "float32", None, KSUB, None)
    return np.ascontiguousarray(centroids.transpose(0, 2, 1))


def padded_columns(w):
    """``w`` (..., n) float32 with zero columns up to a multiple of 32, as the kernels want it."""
    *rows, n = w.shape
    if n % 32 == 0:
        return w
    out = np.zeros((*rows, -(-n // 32) * 32), np.float32)
    out[..., :n] = w
    return out
