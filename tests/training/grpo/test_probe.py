import json

import pytest

from sfray.prompts import load
from sfray.training.grpo.probe import RewardBroken, first_answered, probe_tokenizer, probes, rollout_ids
from sfray.training.grpo.reward import compute_score
from tests.training.grpo.model import tokenizer as build

GOLD = json.dumps({"numbers": [3, 5, 8], "target": 16})
MESSAGES = load().question("Use the numbers 3, 5 and 8 with + - * / to make 16.", "the expression")


@pytest.fixture(scope="module")
def tokenizer():
    return build()


def test_probes_get_their_scores_from_the_reward():
    for probe in probes("3 + 5 + 8"):
        assert compute_score("countdown", probe.text, GOLD)["score"] == probe.score, probe.name
    assert [p.score for p in probes("1")] == [1.0, 1.0, 0.0, 0.0]


def test_a_healthy_tokenizer_passes(tokenizer):
    assert probe_tokenizer(tokenizer, MESSAGES, "countdown", GOLD, "3 + 5 + 8") is None


def test_the_response_ends_the_turn_and_follows_the_generation_prompt(tokenizer):
    prompt, response = rollout_ids(tokenizer, MESSAGES, "hi")
    assert tokenizer.decode(prompt).endswith("<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer.decode(response) == "hi<|im_end|>"


def test_a_gold_that_the_answer_does_not_meet_is_reported(tokenizer):
    with pytest.raises(RewardBroken, match=r"right answer after the thinking was rewarded 0 \(wrong_value\)"):
        probe_tokenizer(tokenizer, MESSAGES, "countdown", GOLD, "3 + 5")


def test_tags_that_decoding_drops_are_reported():
    tokenizer = build(special=["<answer>", "</answer>"])
    with pytest.raises(RewardBroken, match=r"instead of 1; after the chat template and decoding its text was"):
        assert probe_tokenizer(tokenizer, MESSAGES, "countdown", GOLD, "3 + 5 + 8") is None


def test_a_template_that_opens_the_thinking_is_refused():
    """The opening tag is then not in the response, so an answer inside endless thinking would be paid."""
    tokenizer = build()
    tokenizer.chat_template += "{% if add_generation_prompt %}{{ '<think>\n' }}{% endif %}"
    _, response = rollout_ids(tokenizer, MESSAGES, "<think>\nx\n</think>")
    assert tokenizer.decode(response, skip_special_tokens=True) == "\nx\n</think>"
    with pytest.raises(RewardBroken, match=r"thinking that never ends was rewarded 1 \(correct\) instead of 0"):
        assert probe_tokenizer(tokenizer, MESSAGES, "countdown", GOLD, "3 + 5 + 8") is None


def test_the_first_row_with_a_known_answer_is_taken():
    rows = [{"extra_info": {"answer": a}} for a in (None, "1", "2")]
    assert first_answered(rows) == rows[1]
    assert first_answered(rows[:1]) is None
