import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parent / "c" / "run.sh"


def has_sanitizers(folder):
    source = folder / "empty.c"
    source.write_text("int main(void) { return 0; }\n")
    command = ["gcc", "-fsanitize=address,undefined", "-fopenmp", source, "-o", folder / "empty"]
    return (
        shutil.which("gcc") is not None
        and subprocess.run(command, capture_output=True).returncode == 0
        and subprocess.run([folder / "empty"], capture_output=True).returncode == 0
    )


@pytest.mark.slow
def test_no_kernel_leaves_its_buffers(tmp_path):
    if not has_sanitizers(tmp_path):
        pytest.skip("gcc cannot build or run programs with AddressSanitizer")
    done = subprocess.run([RUN], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "sanitize: ok\n"), done.stderr[-3000:]
