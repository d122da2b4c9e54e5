"""The agent under a degree cap: places, and who holds them."""

import numpy as np
from agent_cases import Told, entry, wide

from linkprune.kernels.episodes import Credit
from linkprune.rl import capped
from linkprune.rl.capped import CappedAgent
from linkprune.rl.credited import FRACTION


def test_places_fall_from_all_to_the_cap_over_half_of_the_steps_and_go_to_the_best():
    graph, s = wide(), entry(steps=8, max_degree=2, rho=0.0, initial=0.9)
    agent, rng, places = CappedAgent(graph, s, 9.0, [4], [0.5]), np.random.default_rng(0), []
    for step in range(8):
        gain, cost = rng.integers(-3, 4, (2, 5, 8))
        nothing = np.zeros(1, np.int32)
        agent.step(Told(Credit(gain * FRACTION, cost, nothing, nothing, nothing)), step, 1)
        p = agent.probabilities()
        places.append(agent.places)
        assert (p[:, -1] == 0).all()
        placed = p > 0.5
        assert (abs(p[placed] - 0.9) < 1e-3).all()
        assert (abs(p[:, :-1][~placed[:, :-1]] - capped.EXPLORED) < 1e-3).all()
        for u in range(5):
            value = (agent.gain - agent.cost)[u, :-1]
            best = np.lexsort((np.arange(7), -value))[: agent.places]
            assert set(np.flatnonzero(placed[u])) == set(best.tolist())
            # The better a link, the more probable: a repair knows their order.
            order = np.lexsort((np.arange(7), -value))
            assert (np.diff(p[u, order]) < 0).all()
    # 8 (2 / 8)^(1/4), ^(2/4), ^(3/4), and the cap from the fourth step on.
    assert places == [6, 4, 3, 2, 2, 2, 2, 2]


def test_at_first_every_link_has_a_place_and_a_wide_cap_leaves_it():
    graph = wide()
    agent = CappedAgent(graph, entry(steps=2, max_degree=20), 9.0, [4], [0.5])
    nothing, zero = np.zeros(1, np.int32), np.zeros((5, 8), np.int64)
    for step in range(2):
        assert (abs(agent.probabilities()[:, :-1] - 0.95) < 1e-3).all()
        agent.step(Told(Credit(zero, zero, nothing, nothing, nothing)), step, 1)
    assert (abs(agent.probabilities()[:, :-1] - 0.95) < 1e-3).all()


def test_under_a_cap_there_are_no_settings_of_logits():
    assert not {"eta", "alpha", "prior"} & entry(max_degree=3).keys()
    assert {"eta", "alpha", "prior"} <= entry().keys()
