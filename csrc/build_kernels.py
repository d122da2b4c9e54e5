"""The kernel families and how cffi builds them: one extension per family, read by setup.py.

A family's header is both the C contract and the cdef. One extension each, so that editing one
kernel changes one binary, and Snakemake reruns what that binary reaches and nothing else.
"""

import hashlib
import re
from pathlib import Path

from cffi import FFI

SPACE = ["space.h", "code.h", "row.h"]
# The sources and headers of each family: the index of csrc/.
FAMILIES = {
    "distance": ["distance.c", "exact.h", "matmul_block.h"],
    "nearest": ["nearest.c", "exact.h", "byte_tile.h", "intrinsics.h"],
    "rotation": ["rotation.c"],
    "adc": ["adc.c", "adc_table.h", *SPACE],
    "beam": ["beam.c", "walk.h", "candidates.h", "adc_table.h", *SPACE],
    "hnsw": ["hnsw.c", "select.h", "walk.h", "candidates.h", "adc_table.h", *SPACE],
    "vamana": ["vamana.c", "select.h", "walk.h", "candidates.h", *SPACE],
    "episodes": [
        "episodes.c",
        "credit.c",
        "thinned.h",
        "whole.h",
        "intrinsics.h",
        "rng.h",
        "walk.h",
        "candidates.h",
        "adc_table.h",
        *SPACE,
    ],
    "beta": [
        "beta.c",
        "solve.c",
        "reconstruct.c",
        "linked.h",
        "moments.h",
        "matmul_block.h",
        "adc_table.h",
        *SPACE,
    ],
}
SHARED = ["kernels.h", "types.h"]

# No -ffast-math, no -march=native, no contraction: results must not depend on the machine.
# -fno-math-errno only lets sqrt vectorise; -g0 makes two builds of the same source equal.
CFLAGS = ["-std=gnu11", "-O3", "-g0", "-fopenmp", "-ffp-contract=off", "-fno-math-errno"]
WARNINGS = ["-Wall", "-Wextra", "-Wno-psabi"]


def sources(family):
    """Every file of csrc/ that a family is compiled from, as paths from the repository's root."""
    return [f"csrc/{name}" for name in [*FAMILIES[family], f"{family}.h", *SHARED]]


def _declarations(name):
    lines = Path("csrc", name).read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def identity(family):
    """The hash of what decides a family's results: its sources without comments, and the flags.

    Not of the binary: results do not depend on the compiler or on what the machine can do.
    """
    digest = hashlib.sha256(" ".join(CFLAGS).encode())
    for path in sources(family):
        text = re.sub(r"/\*.*?\*/", " ", Path(path).read_text(), flags=re.DOTALL)
        digest.update(" ".join(["", path, *text.split()]).encode())
    return digest.hexdigest()


def _builder(family):
    builder = FFI()
    builder.cdef(_declarations("types.h") + _declarations(f"{family}.h"))
    builder.cdef("static const char *const ann_identity;")
    builder.set_source(
        f"linkprune.kernels._{family}",
        f'#include "{family}.h"\nstatic const char *const ann_identity = "{identity(family)}";',
        py_limited_api=True,
        sources=[path for path in sources(family) if path.endswith(".c")],
        depends=[path for path in sources(family) if path.endswith(".h")],
        include_dirs=["csrc"],
        extra_compile_args=CFLAGS + WARNINGS,
        extra_link_args=["-fopenmp"],
    )
    return builder


for _family in FAMILIES:
    globals()[_family] = _builder(_family)
