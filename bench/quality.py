"""How good what a side made is: one function per stage, the same code for all sides."""

from pathlib import Path

import numpy as np
import parity

from linkprune import metrics, regression
from linkprune.chunks import chunks, mean
from linkprune.codec import Codec


class Judge:
    """base (nb, d) and gt (nq, at least 10) that every side is judged by."""

    def __init__(self, base, gt):
        self.base, self.gt = base, gt

    def of(self, function, out, of, original=None):
        """Named numbers for the stage in folder ``out``, made from the stages in folder ``of``;
        original: the folder of the same stage of the original, to compare answers with.
        """
        made = Path(out)
        arrays = lambda name: dict(np.load(made / f"{name}.npz"))  # noqa: E731
        if function == "train":
            return {"error": self.codec_error(Codec(**arrays("out")))}
        if function == "graph":
            shown = arrays("shown")
            return {f"R@1 at {ef}": self.recall(shown[f"ids_{ef}"], 1) for ef in (64, 256)}
        if function in ("beta", "encode"):
            return self.weights(function, arrays("out"), Path(of))
        if function.startswith("float"):
            I = arrays("shown" if function == "float_graph" else "out")["I"]
            return {"recall@10": mean(metrics.recall_at_k(I, self.gt, 10))}
        return self.search(arrays("out"), original)

    def recall(self, I, k):
        """R@k of the papers."""
        return metrics.one_recall_at(metrics.true_rank(I, self.gt), k)

    def search(self, found, original):
        """Recalls, distances per query, and how the lists compare with the original's."""
        quality = {f"R@{k}": self.recall(found["I"], k) for k in (1, 10)}
        if "ndis" in found:
            quality["ndis"] = float(np.mean(found["ndis"]))
        if original is not None:
            theirs = dict(np.load(Path(original) / "out.npz"))
            quality |= parity.agreement(found["I"], found["D"], theirs["I"], theirs["D"])
        return quality

    def codec_error(self, codec):
        """Mean squared error per vector; what a rotation to fewer dimensions drops is in it."""
        _, error = codec.encode(self.base)
        dropped = np.empty(len(self.base))
        for part in chunks(len(self.base)):
            x = np.asarray(self.base[part], np.float64)
            dropped[part] = (x**2).sum(1) - (codec.rotate(self.base[part]).astype("f8") ** 2).sum(1)
        return error + (mean(dropped) if codec.d_out < codec.d else 0)

    def weights(self, function, arrays, of):
        """Mean squared error of the regressed reconstructions, by the codes of the side or, for a
        codebook, by the best.
        """
        codec, links = Codec(**np.load(of / "train/out.npz")), np.load(of / "graph/out.npz")
        args = codec, links["codes"], np.ascontiguousarray(links["neighbors"])
        if function == "beta":
            return {"error": regression.encode(self.base, *args, arrays["beta_centroids"])[1]}
        book, codes = np.load(of / "beta/out.npz")["beta_centroids"], arrays["beta_codes"]
        made = regression.Regression(book, codes)
        error = np.empty(len(self.base))
        for part in chunks(len(self.base)):
            ids = np.arange(part.start, part.stop, dtype=np.int32)
            y = regression.reconstruct(ids, *args, made)
            error[part] = parity.squared_errors(codec.rotate(self.base[part]), y)[:, 0]
        theirs = np.load(of / "encode/out.npz")["beta_codes"]
        return {"error": mean(error), "same": mean((codes == theirs).astype(float).ravel())}
