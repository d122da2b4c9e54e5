"""A codec: rotation and product quantiser, and what it does to vectors of any stored dtype."""

import dataclasses

import numpy as np

from linkprune import store
from linkprune.chunks import chunks, mean
from linkprune.errors import ShapeError
from linkprune.kernels import adc, distance


@dataclasses.dataclass(frozen=True)
class Codec:
    """rotation (d_out, d) float32, or None where the vectors are coded as they are; centroids
    (nsq, 256, dsub) float32 of the rotated vectors, d_out = nsq * dsub.
    """

    rotation: np.ndarray | None
    centroids: np.ndarray

    @property
    def d(self):
        """Dimension of the vectors."""
        return self.d_out if self.rotation is None else self.rotation.shape[1]

    @property
    def d_out(self):
        """Dimension of the rotated vectors."""
        return self.centroids.shape[0] * self.centroids.shape[2]

    def rotate(self, x, threads=1):
        """Rotated vectors: x (n, d) of any dtype -> (n, d_out) float32."""
        if x.ndim != 2 or x.shape[1] != self.d:
            raise ShapeError(f"vectors are {x.shape}, this codec is for (n, {self.d})")
        x = np.ascontiguousarray(x, np.float32)
        if self.rotation is None:
            return x
        return distance.matmul(x, np.ascontiguousarray(self.rotation.T), threads)

    def encode(self, x, threads=1):
        """Codes of vectors, chunk by chunk, and how far they are from the vectors.

        x (n, d) of any dtype -> codes (n, nsq) uint8, mean squared error per rotated vector.
        """
        codes, error = np.empty((len(x), len(self.centroids)), np.uint8), np.empty(len(x))
        for part in chunks(len(x)):
            y = self.rotate(x[part], threads)
            codes[part] = adc.encode(y, self.centroids, threads)
            error[part] = distance.row_distances(y, self.decode(codes[part], threads), threads)
        return codes, mean(error)

    def decode(self, codes, threads=1):
        """Rotated vectors that the codes stand for: codes (n, nsq) -> (n, d_out) float32."""
        return adc.decode(codes, self.centroids, threads)

    def save(self, path, attrs):
        """Write the codec as one artifact; no rotation is a dataset without rows."""
        rotation = np.empty((0, self.d), np.float32) if self.rotation is None else self.rotation
        store.save(path, {"rotation": rotation, "centroids": self.centroids}, attrs)

    @classmethod
    def load(cls, path):
        """Read a codec artifact."""
        rotation, centroids = store.load(path, rotation="d_out d", centroids="nsq ksub dsub")
        return cls(rotation if len(rotation) else None, centroids)
