"""A codec: rotation and quantisers, and what they do to vectors of any stored dtype."""

import dataclasses
import functools

import numpy as np

from linkprune import store
from linkprune.chunks import mean
from linkprune.errors import ShapeError
from linkprune.kernels import adc, coarse, distance
from linkprune.progress import tracked


@dataclasses.dataclass(frozen=True)
class Codec:
    """rotation (d_out, d) float32, or None where the vectors are coded as they are; centroids
    (nsq, 256, dsub) float32 of the rotated vectors, d_out = nsq * dsub; or, in a codec of two
    levels, of what the first one leaves, coarse (2, 2 ** bits, d_out / 2) float32.
    """

    rotation: np.ndarray | None
    centroids: np.ndarray
    coarse: np.ndarray | None = None

    def __post_init__(self):
        """Refuse levels that do not belong together."""
        if self.coarse is not None:
            coarse.check(self.coarse, self.d_out)

    @property
    def d(self):
        """Dimension of the vectors."""
        return self.d_out if self.rotation is None else self.rotation.shape[1]

    @property
    def d_out(self):
        """Dimension of the rotated vectors."""
        return self.centroids.shape[0] * self.centroids.shape[2]

    @property
    def code_size(self):
        """Bytes of a code."""
        return len(self.centroids) + (self._first.bytes if self._first else 0)

    @functools.cached_property
    def _first(self):
        """The first level as the kernels want it, None where there is one level."""
        if self.coarse is None:
            return None
        return coarse.Coarse(self.coarse, coarse.panels(self.coarse))

    @functools.cached_property
    def turned(self):
        """The rotation as vectors are multiplied with it, (d, d_out), or None."""
        return None if self.rotation is None else np.ascontiguousarray(self.rotation.T)

    def levels(self):
        """The keywords by which kernels that decode know it."""
        first = {} if self._first is None else {"coarse": self._first}
        return {"centroids": self.centroids, **first}

    def space(self, codes, threads=1):
        """The keywords by which kernels that measure distances know the vertices of codes.

        Of two levels that is a working set of 4 bytes a vertex more, computed here.
        """
        known = {"codes": codes, **self.levels()}
        if self._first is not None:
            cross = coarse.cross(codes, self.centroids, self._first, threads)
            known["coarse"] = self._first._replace(cross=cross)
        return known

    def check(self, x):
        """Raise ShapeError unless x is (n, d)."""
        if x.ndim != 2 or x.shape[1] != self.d:
            raise ShapeError(f"vectors are {x.shape}, this codec is for (n, {self.d})")

    def rotate(self, x, threads=1):
        """Rotated vectors: x (n, d) of any dtype -> (n, d_out) float32.

        Without a rotation x comes back as float32.
        """
        self.check(x)
        x = np.ascontiguousarray(x, np.float32)
        if self.rotation is None:
            return x
        return distance.matmul(x, self.turned, threads)

    def encode(self, x, threads=1):
        """Codes of vectors, chunk by chunk, and how far they are from the vectors.

        x (n, d) of any dtype -> codes (n, code_size) uint8, mean squared error per rotated vector.
        """
        codes, error = np.empty((len(x), self.code_size), np.uint8), np.empty(len(x))
        for part in tracked(len(x), "codes"):
            y = self.rotate(x[part], threads)
            codes[part] = self._codes(y, threads)
            error[part] = distance.row_distances(y, self.decode(codes[part], threads), threads)
        return codes, mean(error)

    def _codes(self, y, threads):
        """Codes of rotated vectors (n, d_out)."""
        if self._first is None:
            return adc.encode(y, self.centroids, threads)
        halves = zip(np.split(y, 2, 1), self._first.panels, strict=True)
        numbers = [coarse.nearest(np.ascontiguousarray(x), p, threads) for x, p in halves]
        first = np.hstack([c[n] for c, n in zip(self.coarse, numbers, strict=True)])
        packed = coarse.pack(np.stack(numbers, 1), self._first.bits)
        return np.hstack([packed, adc.encode(y - first, self.centroids, threads)])

    def decode(self, codes, threads=1):
        """Rotated vectors that the codes stand for: codes (n, code_size) -> (n, d_out) float32."""
        return adc.decode(codes, threads=threads, **self.levels())

    def save(self, path, attrs):
        """Write the codec as one artifact; no rotation is a dataset without rows."""
        rotation = np.empty((0, self.d), np.float32) if self.rotation is None else self.rotation
        first = {} if self.coarse is None else {"coarse": self.coarse}
        store.save(path, {"rotation": rotation, "centroids": self.centroids, **first}, attrs)

    @classmethod
    def load(cls, path):
        """Read a codec artifact."""
        with store.opened(path) as f:
            two = {"coarse": "2 ksub1 half"} if "coarse" in f else {}
        rotation, centroids, *first = store.load(
            path, rotation="d_out d", centroids="nsq ksub dsub", **two
        )
        return cls(rotation if len(rotation) else None, centroids, *first)
