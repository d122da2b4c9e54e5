#!/bin/bash
# The accuracy artifacts of the chosen scale, made three times: by one thread, by four, and by four
# without AVX-512. Their manifests have to be equal; says "manifest: the same". make setup comes first.
# Options for Snakemake may follow, such as --configfile mine.yaml or --config scale=1M; the copies lie
# under build/manifest and stay.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin copies=$PWD/build/manifest

fresh() { # a copy of the tree, kernels included, without results
    rm -rf "$copies/$1"
    mkdir -p "$copies/$1"
    git ls-files -coz --exclude-standard |
        tar --null --files-from - --ignore-failed-read -cf - 2> /dev/null | tar -xf - -C "$copies/$1"
    cp -p lib/linkprune/kernels/*.so "$copies/$1/lib/linkprune/kernels/"
}

made() { # copy, cores, options: the manifest in a copy
    echo "manifest: $1, $2 cores"
    (cd "$copies/$1" && shift && time PYTHONPATH=lib OMP_WAIT_POLICY=PASSIVE "$bin/snakemake" \
        results/manifest.sha256 --cores "$@" > manifest.log 2>&1) ||
        { echo "manifest: see $copies/$1/manifest.log" >&2; exit 1; }
}

fresh one
made one 1 "$@"
fresh four
made four 4 "$@"

fresh avx2
rm "$copies"/avx2/lib/linkprune/kernels/*.so
(cd "$copies/avx2" && CFLAGS=-DANN_NO_AVX512 "$bin/python" -W ignore setup.py -q build_ext --inplace)
# What else chooses code by what the machine can do: NumPy, its BLAS and Faiss's, the C library.
export NPY_DISABLE_CPU_FEATURES=X86_V4 OPENBLAS_CORETYPE=Haswell FAISS_OPT_LEVEL=avx2
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512DQ,-AVX512BW
made avx2 4 "$@"

for other in four avx2; do
    diff "$copies/one/results/manifest.sha256" "$copies/$other/results/manifest.sha256"
done
sha256sum "$copies/one/results/manifest.sha256" | cut -d' ' -f1
echo "manifest: the same, $(wc -l < "$copies/one/results/manifest.sha256") artifacts"
