import json

import pytest

from sfray.training.grpo.reward import compute_score

GOLD = json.dumps({"numbers": [3, 5, 8], "target": 16})


def test_right_answer_pays_one():
    assert compute_score("countdown", "<think>x</think>\n<answer>\n3 + 5 + 8\n</answer>", GOLD) == {
        "score": 1.0,
        "acc": 1.0,
        "reason": "correct",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<answer>3 + 5</answer>", "wrong_value"),
        ("<answer>8 + 8</answer>", "wrong_numbers"),
        ("3 + 5 + 8", "no_answer"),
        ("<think><answer>3 + 5 + 8</answer>", "unclosed_think"),
        ("", "no_answer"),
    ],
)
def test_any_other_text_pays_nothing(text, reason):
    assert compute_score("countdown", text, GOLD) == {"score": 0.0, "acc": 0.0, "reason": reason}


def test_extra_arguments_of_verl_are_accepted():
    result = compute_score("countdown", "<answer>3+5+8</answer>", GOLD, extra_info={"id": "q"}, num_turns=2)
    assert result["score"] == 1.0


def test_an_answer_that_nobody_could_judge_is_not_paid_in_silence(caplog):
    result = compute_score("math500", "<answer>((1)</answer>", '{"answer": "2"}')
    assert result == {"score": 0.0, "acc": 0.0, "reason": "parse_error"}
    assert caplog.messages == ["no reward: the verifier could not judge this answer (parse_error): '((1)'"]
    compute_score("countdown", "<answer>3+5+8</answer>", GOLD)
    assert len(caplog.messages) == 1


def test_an_exception_is_not_a_zero():
    with pytest.raises(json.JSONDecodeError):
        compute_score("countdown", "<answer>1</answer>", "no json")
    with pytest.raises(ValueError, match="no task 'countdwn'"):
        compute_score("countdwn", "<answer>1</answer>", GOLD)
