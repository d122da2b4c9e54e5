#!/bin/bash
# Kernels under AddressSanitizer and UndefinedBehaviorSanitizer; prints "sanitize: ok".
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
flags="-std=gnu11 -fsanitize=address,undefined -fno-sanitize-recover=all -O1 -g -fno-omit-frame-pointer
    -Wall -Wextra -Werror -Wno-psabi -fopenmp -ffp-contract=off -DANN_NO_CLONES -Icsrc -Itests/c"
# The longest first.
ls -S csrc/*.c tests/c/*.c |
    xargs -P 2 -I{} bash -c '"$1" '"$(echo $flags)"' -c "$2" -o "$3/$(basename "$2").o"' \
        _ "${CC:-gcc}" {} "$build"
"${CC:-gcc}" -fsanitize=address,undefined -fopenmp "$build"/*.o -lm -o "$build/main"
# libgomp keeps its threads to the end; the kernels allocate nothing that could leak.
ASAN_OPTIONS=detect_leaks=0 OMP_WAIT_POLICY=PASSIVE "$build/main"
echo "sanitize: ok"
