import pytest

from sfray.training.grpo.guard import Guard, RolloutMismatch


def test_a_difference_within_the_bound_passes():
    guard = Guard(every=3, bound=0.02)
    guard.check(1, 0.0)
    guard.check(2, 0.02)
    assert guard.looked


def test_a_difference_above_the_bound_names_step_difference_bound_and_key():
    with pytest.raises(RolloutMismatch) as raised:
        Guard(every=1, bound=1e-4).check(7, 0.03456)
    assert str(raised.value).startswith(
        "step 7: the probabilities of the rollout's tokens differ by 0.0346 on average between rollout and actor, "
        "more than grpo.guard_bound = 0.0001; "
    )


def test_what_cannot_be_told_does_not_pass():
    with pytest.raises(RolloutMismatch, match=r"step 1: .* differ by nan on average"):
        Guard(every=1, bound=1.0).check(1, float("nan"))
    with pytest.raises(RolloutMismatch, match=r"step 4: the rollout kept no log-probabilities"):
        Guard(every=1, bound=1.0).check(4, None)


def test_the_first_step_of_a_process_is_due_and_then_every_nth():
    guard = Guard(every=4, bound=0.5)
    assert [guard.due(step) for step in (5, 6)] == [True, True]  # resumed after step 4, not looked yet
    guard.check(5, 0.1)
    assert [step for step in range(6, 18) if guard.due(step)] == [8, 12, 16]
