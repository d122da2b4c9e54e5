import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKS = Path(__file__).parent / "c"
RUN = CHECKS / "run.sh"
HEADERS = CHECKS.parents[1] / "csrc"


def has_sanitizers(folder):
    source = folder / "empty.c"
    source.write_text("int main(void) { return 0; }\n")
    command = ["gcc", "-fsanitize=address,undefined", "-fopenmp", source, "-o", folder / "empty"]
    return (
        shutil.which("gcc") is not None
        and subprocess.run(command, capture_output=True).returncode == 0
        and subprocess.run([folder / "empty"], capture_output=True).returncode == 0
    )


def test_every_kernel_is_called():
    source = "".join(path.read_text() for path in CHECKS.glob("check_*.c"))
    headers = [p for p in HEADERS.glob("*.h") if p.with_suffix(".c").exists()]
    declared = {
        name
        for header in headers
        for name in re.findall(r"^\w+ (ann_\w+)\(", header.read_text(), re.M)
    }
    assert len(declared) > 20
    assert [name for name in sorted(declared) if not re.search(rf"\b{name}\(", source)] == []


@pytest.mark.slow
def test_no_kernel_leaves_its_buffers(tmp_path):
    if not has_sanitizers(tmp_path):
        pytest.skip("gcc cannot build or run programs with AddressSanitizer")
    done = subprocess.run([RUN], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "sanitize: ok\n"), done.stderr[-3000:]
