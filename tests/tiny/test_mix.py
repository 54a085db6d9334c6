"""The mixes of the later phases: whole shares, and outcomes that go by the size of a puzzle."""

import pytest

from sfray.seeds import rng
from sfray.tiny import mix
from sfray.tiny.context import TOGETHER
from sfray.tiny.crowd import Crowding
from sfray.tiny.distance import DISTANT
from sfray.tiny.mix import Mix


@pytest.mark.parametrize("chosen", [TOGETHER, DISTANT])
def test_shares_add_up_to_a_hundred(chosen):
    shares = (chosen.kinds, chosen.attempted_sizes, chosen.reflected_sizes, chosen.reflected, chosen.reflected_many)
    crowds = (chosen.crowded_attempts.sizes, chosen.crowded_reflections.sizes)
    assert {sum(each.values()) for each in (*shares, *crowds, mix.FEW, mix.MANY)} == {100}


@pytest.mark.parametrize(("size", "kind"), [(4, "reflection:hit"), (5, "reflection:miss")])
def test_outcomes_of_what_is_reflected_on_go_by_the_numbers_of_the_puzzle(size, kind):
    nobody = Crowding(0.0, {1: 100})
    chosen = Mix(
        kinds={"reflection": 100},
        attempted_sizes={3: 100},
        reflected_sizes={size: 100},
        reflected={"hit": 100},
        reflected_many={"miss": 100},
        noise=0.0,
        crowded_attempts=nobody,
        crowded_reflections=nobody,
    )
    assert {chosen.document(rng("test", "mix", i)).kind for i in range(20)} == {kind}


@pytest.mark.parametrize("kind", mix.COPIES)
def test_every_drill_that_copies_can_be_mixed_in(kind):
    drawn = [DISTANT.document(rng("test", kind, i)).kind for i in range(400)]
    assert f"copy:{kind}" in drawn
