"""Going on after kills, and not beside a run that is alive."""

import contextlib
import os
import random
import subprocess
import time

import pytest
from test_workflow import TOY, Run, accuracy, copied, undisturbed

from linkprune import resume

KILLS = 4
SEED = os.environ.get("LINKPRUNE_KILL_SEED")  # in hex, from the output of a run that failed


def test_killed_anywhere_the_same_command_ends_with_the_same_bits(tmp_path, tmp_path_factory):
    want = accuracy(undisturbed(tmp_path_factory)[4])
    seed = SEED or os.urandom(8).hex()
    print(f"LINKPRUNE_KILL_SEED={seed}")
    rng = random.Random(seed)
    folder = copied(tmp_path / "repo")
    for i in range(KILLS):
        seconds = rng.uniform(1, 7)
        run = Run(folder, *TOY)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.process.wait(seconds)
        done = len(list(folder.glob("results/**/*.h5")))
        print(f"kill {i} after {seconds:.3f} s, {done} artifacts, exit {run.process.poll()}")
        if run.process.returncode is not None:
            assert run.process.returncode == 0, run.out.read_text()[-5000:]
            break
        run.kill()
    Run(folder, *TOY).well()
    left = [str(p.relative_to(folder)) for p in folder.rglob(".*.tmp")]
    print(f"temporary files of killed jobs: {left}")
    assert accuracy(folder) == want
    assert "Nothing to be done" in Run(folder, *TOY).well()
    assert not list((folder / ".snakemake").glob("locks/*"))
    # What a kill leaves is hidden, and nothing takes it for an artifact.
    assert all(p.name.startswith(".") for p in folder.rglob("*.tmp"))


def test_a_live_run_is_not_disturbed_by_a_second_one(tmp_path):
    folder = copied(tmp_path / "repo")
    target = "results/angles/hnsw_L5_M8_efC20_float/unpruned/OPQ8_32/none/search.h5"
    first = Run(folder, *TOY, "--", target, cores=1)
    deadline = time.monotonic() + 60
    while not list(folder.glob(".snakemake/locks/*.lock")):
        assert time.monotonic() < deadline and first.process.poll() is None
        time.sleep(0.02)
    status, text = Run(folder, *TOY, "--", target, cores=1).end()
    assert first.process.poll() is None, "the first run ended before the second one was refused"
    assert status != 0
    assert "cannot be locked" in text and "Traceback" not in text
    first.well()
    assert (folder / target).exists()


@pytest.fixture
def locked(tmp_path):
    """A folder with Snakemake's lock in it."""
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    lock = tmp_path / ".snakemake/locks/0.input.lock"
    lock.write_text("results/table2.csv\n")
    return tmp_path, lock


def test_a_stale_lock_is_removed(locked):
    folder, lock = locked
    with resume.unlock_stale(folder):
        assert not lock.exists()


def test_a_folder_without_locks_is_fine(tmp_path):
    resume.unlock_stale(tmp_path).close()
    assert [p.name for p in tmp_path.iterdir()] == [".snakemake"]


def test_the_lock_of_a_live_process_stays(locked):
    folder, lock = locked
    with resume.unlock_stale(folder):
        lock.write_text("results/table2.csv\n")
        assert resume.unlock_stale(folder) is None or lock.exists()
        assert lock.exists()
    resume.unlock_stale(folder).close()
    assert not lock.exists()


def test_a_run_that_began_beside_a_dry_run_is_alive_too(locked):
    folder, lock = locked
    dry = resume.unlock_stale(folder)
    run = resume.unlock_stale(folder)  # the dry run is still alive, it ends before the run does
    lock.write_text("results/table2.csv\n")
    dry.close()
    third = resume.unlock_stale(folder)
    alive = lock.exists()
    for handle in (run, third):
        if handle is not None:
            handle.close()
    assert alive, "the lock of a live run was removed"
