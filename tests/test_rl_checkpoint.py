"""A training that is stopped, killed or robbed of its checkpoint goes on or begins anew."""

import contextlib
import logging
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_rl_training import bits, complete, trained

from linkprune import store
from linkprune.rl import training
from linkprune.rl.training import Checkpoint


@pytest.fixture(scope="module")
def undisturbed():
    return trained(complete())


def test_a_checkpoint_of_another_training_is_ignored(tmp_path):
    path = tmp_path / "checkpoint.h5"
    one, two = Checkpoint(path, ("a", {"eta": 1.0})), Checkpoint(path, ("a", {"eta": 1.5}))
    arrays = {"logit": np.ones((2, 3))}
    one.save(
        arrays,
        dict.fromkeys((*training.HISTORY, *training.VALIDATED), np.ones(4)),
        {"step": 1, "score": 0.5, "recall": 0.7, "p": np.zeros((2, 3))},
        2,
    )
    assert two.load() is None
    back = Checkpoint(path, ("a", {"eta": 1.0})).load()
    assert back["done"] == 2 and back["best"]["step"] == 1 and back["best"]["score"] == 0.5
    assert (back["agent"]["logit"] == 1).all() and back["history"]["reward"].tolist() == [1] * 4
    one.remove()
    one.remove()
    assert one.load() is None and not list(tmp_path.iterdir())


@pytest.mark.parametrize("left", [0, 10, 0.5, 0.99])
def test_a_truncated_checkpoint_is_ignored_with_a_warning(tmp_path, caplog, left):
    checkpoint = Checkpoint(tmp_path / "checkpoint.h5", "x")
    best = {"step": 0, "score": 1.0, "recall": 0.7, "p": np.zeros((99, 9))}
    checkpoint.save({"logit": np.ones((99, 9))}, {"reward": np.zeros(3)}, best, 1)
    whole = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes(whole[: left if isinstance(left, int) else int(left * len(whole))])
    with caplog.at_level(logging.WARNING):
        assert checkpoint.load() is None
    (record,) = caplog.records
    assert "checkpoint.h5: not usable, training begins anew" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_a_file_that_is_no_checkpoint_is_ignored_with_a_warning(tmp_path, caplog):
    checkpoint = Checkpoint(tmp_path / "checkpoint.h5", "x")
    store.save(checkpoint.path, {"a": np.zeros(3)}, {})
    assert checkpoint.load() is None and "not usable" in caplog.text


def stopped(path, s, steps):
    """A training that an exception ends after so many lines, and what the next one makes of it."""

    class Stopped(Exception):
        pass

    said = []

    def say(text):
        said.append(text)
        if len(said) == steps:
            raise Stopped

    with contextlib.suppress(Stopped):
        trained(s, checkpoint=Checkpoint(path, "x"), say=say)
    said.clear()
    return trained(s, checkpoint=Checkpoint(path, "x"), say=said.append)[1], said


@pytest.mark.parametrize("steps", [1, 2, 6, 10])
def test_stopped_after_any_step_it_ends_with_the_same_bits(tmp_path, steps, undisturbed):
    done, said = stopped(tmp_path / "checkpoint.h5", complete(), steps)
    assert bits(done) == bits(undisturbed[1])
    if steps > 1:
        assert said[0] == f"going on after step {steps - 1} of 9"


def test_stopped_under_a_cap_it_ends_with_the_same_bits(tmp_path):
    s = complete(max_degree=4)
    done, _ = stopped(tmp_path / "checkpoint.h5", s, 4)
    assert bits(done) == bits(trained(s)[1])


SCRIPT = """
import json, sys, time
sys.path.insert(0, {tests!r})
import test_rl_training as here
from linkprune import store
from linkprune.rl.training import Checkpoint

def say(text):
    print(text, flush=True)
    time.sleep(0.03)

folder = {folder!r}
checkpoint = Checkpoint(folder + "/checkpoint.h5", "x")
done = here.trained(here.complete(), checkpoint=checkpoint, say=say)[1]
store.save(folder + "/done.h5", {{"p": done.p, "neighbors": done.graph.neighbors}}, {{}})
checkpoint.remove()
"""


def test_killed_in_the_middle_it_goes_on_and_ends_with_the_same_bits(tmp_path, undisturbed):
    script = SCRIPT.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    seed = os.environ.get("LINKPRUNE_KILL_SEED") or os.urandom(8).hex()
    print(f"LINKPRUNE_KILL_SEED={seed}")
    rng, later = random.Random(seed), []
    for lines in (rng.randrange(2, 8), None):
        with subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
        ) as child:
            said = []
            for line in child.stdout:
                said.append(line.strip())
                if len(said) == lines:
                    child.kill()
                    break
        later.append(said)
        print(said, [p.name for p in tmp_path.iterdir()])
    assert child.returncode == 0
    assert all(said[0].startswith("going on after step") for said in later[1:])
    assert [p.name for p in tmp_path.iterdir()] == ["done.h5"]
    p, neighbors = store.load(tmp_path / "done.h5", p="nb M0", neighbors="nb width")
    assert p.tobytes() == undisturbed[1].p.tobytes()
    assert neighbors.tobytes() == undisturbed[1].graph.neighbors.tobytes()
