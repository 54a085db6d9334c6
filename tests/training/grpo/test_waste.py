import pytest

from sfray.training.grpo.waste import fixed, idle, like_lengths, padded


def test_padding_is_counted_pass_by_pass():
    assert padded([[4, 4], [2, 1]]) == pytest.approx(1 / 12)
    assert padded([[10, 1, 1]]) == pytest.approx(0.6)
    assert padded([[10], [1], [1]]) == 0.0
    assert padded([]) == padded([[]]) == 0.0


def test_rollouts_are_idle_from_their_end_to_the_last_ones():
    assert idle([1.0, 1.0, 4.0]) == pytest.approx(0.5)
    assert idle([2.0, 2.0]) == 0.0
    assert idle([]) == idle([0.0]) == 0.0


def test_a_fixed_number_of_sequences_a_pass():
    assert fixed([5, 4, 3, 2, 1], 2) == [[5, 4], [3, 2], [1]]
    assert fixed([], 2) == []


def test_like_lengths_come_together_within_a_mini_batch():
    assert like_lengths([5, 4, 9, 1, 7, 2, 3, 3], 4) == [3, 1, 0, 2, 5, 6, 7, 4]
    assert like_lengths([2, 1, 3], 2) == [1, 0, 2]
    assert like_lengths([], 4) == []
