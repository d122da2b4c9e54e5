#!/bin/bash
# Kernels under AddressSanitizer and UndefinedBehaviorSanitizer; prints "sanitize: ok".
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
flags="-std=gnu11 -fsanitize=address,undefined -fno-sanitize-recover=all -O1 -g -fno-omit-frame-pointer
    -Wall -Wextra -Werror -Wno-psabi -fopenmp -ffp-contract=off -DANN_NO_CLONES -Icsrc"
# The longest first.
for source in csrc/{hnsw,vamana,episodes,credit,beam,adc,beta,distance,solve}.c tests/c/main.c; do
    printf '%s\0' "$source"
done | xargs -0 -P 2 -I{} bash -c '"$1" '"$(echo $flags)"' -c "$2" -o "$3/$(basename "$2").o"' \
    _ "${CC:-gcc}" {} "$build"
"${CC:-gcc}" -fsanitize=address,undefined -fopenmp "$build"/*.o -lm -o "$build/main"
# libgomp keeps its threads to the end; what the kernels hold is freed here or is a leak of main.c.
ASAN_OPTIONS=detect_leaks=0 OMP_WAIT_POLICY=PASSIVE "$build/main"
echo "sanitize: ok"
