#!/bin/bash
# original_env.sh DIR: install Faiss 1.7.4, the reference of the comparison, into the folder DIR.
# Standard output is the one line that original.py needs, its interpreter; progress and errors go to
# standard error. Running it again changes nothing. These wheels need Python 3.9 to 3.11; PYTHON
# names the one to take (default python3.11).
set -euo pipefail

fail() {
  echo "original_env.sh: $*" >&2
  exit 1
}

[ $# -eq 1 ] || fail "usage: original_env.sh DIR"
dir=$1
base=${PYTHON:-python3.11}
wheels="faiss-cpu==1.7.4 numpy==1.26.4 h5py==3.11.0"

finished() {
  [ -x "$dir/bin/python" ] && "$dir/bin/python" - $wheels >&2 <<'EOF'
import sys
from importlib.metadata import PackageNotFoundError, version
try:
    sys.exit(any(version(name) != want for name, want in (a.split("==") for a in sys.argv[1:])))
except PackageNotFoundError:
    sys.exit(1)
EOF
}

if ! finished; then
  "$base" -c 'import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null ||
    fail "$base is no Python 3.9 to 3.11, and the wheels of faiss-cpu 1.7.4 end at 3.11: set PYTHON"
  [ ! -e "$dir" ] || [ -f "$dir/pyvenv.cfg" ] || [ -z "$(ls -A "$dir")" ] ||
    fail "$dir exists and is no virtual environment"
  "$base" -m venv --clear "$dir" >&2
  "$dir/bin/python" -m pip install --quiet --disable-pip-version-check $wheels >&2
  finished || fail "$dir lacks one of $wheels after the installation"
fi
"$dir/bin/python" -c 'import faiss, h5py' >&2 || fail "$dir: its packages cannot be imported"
printf '%s/bin/python\n' "$(realpath "$dir")"
