"""From questions to requests, and from samples to judged attempts."""

import dataclasses

from sfray.artifacts import Questions
from sfray.records import Attempt, Reject
from sfray.sampling.attempts import AttemptJob, name
from sfray.sampling.engine import Sampled
from tests.sampling.rows import CONFIG, QUESTION, stage, write_questions


def job(tmp_path, **sample):
    write_questions(tmp_path)
    config = dataclasses.replace(CONFIG, sample=dataclasses.replace(CONFIG.sample, **sample))
    return AttemptJob(stage(tmp_path, "attempts"), config, Questions(tmp_path / "questions", "sft"))


def test_one_request_for_each_variant_with_its_system_prompt(tmp_path):
    sources, requests, rejects = job(tmp_path).requests(0)
    assert [(q.id, variant, hinted) for q, variant, hinted in sources] == [
        (QUESTION.id, "plain", False),
        (QUESTION.id, "plan", False),
    ]
    assert [r.id for r in requests] == [f"{QUESTION.id}/plain", f"{QUESTION.id}/plan"]
    assert [[m["role"] for m in r.messages] for r in requests] == [["user"], ["system", "user"]]
    assert requests[0].messages[0]["content"].startswith(QUESTION.text)
    assert rejects == []


def test_seeds_depend_on_the_row_alone(tmp_path):
    seeds = [r.seed for r in job(tmp_path).requests(0)[1]]
    assert seeds == [r.seed for r in job(tmp_path).requests(0)[1]]
    assert len(set(seeds)) == 2
    assert all(0 <= s < 2**48 for s in seeds)


def test_hinted_twins_tell_the_answer_and_are_flagged(tmp_path):
    made = job(tmp_path, hinted=True)
    sources, requests, _ = made.requests(0)
    assert [name(v, h) for _, v, h in sources] == ["plain", "plain+hint", "plan", "plan+hint"]
    assert "(3 + 5) * 8" not in requests[0].messages[-1]["content"]
    assert "(3 + 5) * 8" in requests[1].messages[-1]["content"]
    kept, rejects = made.rows(sources[1], [Sampled("<answer>(3 + 5) * 8</answer>", 9, "stop")])
    assert (kept[0].hinted, kept[0].id) == (True, f"{QUESTION.id}/plain+hint/0")
    assert rejects == []


def test_hinted_attempts_that_speak_of_the_hint_are_rejected(tmp_path):
    source = (QUESTION, "plain", True)
    texts = ["The HINT says 64. <answer>1</answer>", "I was hinted at it", "A chintzy hinterland <answer>1</answer>"]
    kept, rejects = job(tmp_path, hinted=True).rows(source, [Sampled(t, 5, "stop") for t in texts])
    assert [a.sample for a in kept] == [2]
    assert [(r.id, r.reason) for r in rejects] == [
        (f"{QUESTION.id}/plain+hint/0", "mentions_hint"),
        (f"{QUESTION.id}/plain+hint/1", "mentions_hint"),
    ]


def test_a_question_without_a_known_answer_has_no_hinted_twin(tmp_path):
    write_questions(tmp_path, questions=(dataclasses.replace(QUESTION, answer=None),))
    config = dataclasses.replace(CONFIG, sample=dataclasses.replace(CONFIG.sample, hinted=True))
    _, requests, rejects = AttemptJob(
        stage(tmp_path, "attempts"), config, Questions(tmp_path / "questions", "sft")
    ).requests(0)
    assert len(requests) == 2
    assert rejects == [
        Reject(id=f"{QUESTION.id}/plain+hint", reason="no_answer_to_hint"),
        Reject(id=f"{QUESTION.id}/plan+hint", reason="no_answer_to_hint"),
    ]


def test_samples_are_judged_and_kept_when_wrong_or_cut(tmp_path):
    samples = [
        Sampled("3 + 5 = 8, 8 * 8 = 64. <answer>(3 + 5) * 8</answer>", 20, "stop"),
        Sampled("<answer>3 + 5 + 8</answer>", 8, "stop"),
        Sampled("3 + 5 =", 4, "length"),
    ]
    kept, rejects = job(tmp_path).rows((QUESTION, "plain", False), samples)
    assert kept[0] == Attempt(
        id=f"{QUESTION.id}/plain/0",
        question_id=QUESTION.id,
        variant="plain",
        sample=0,
        hinted=False,
        text=samples[0].text,
        tokens=20,
        finish="stop",
        correct=True,
        reason="correct",
        answer="(3 + 5) * 8",
    )
    assert [(a.correct, a.reason, a.finish) for a in kept[1:]] == [
        (False, "wrong_value", "stop"),
        (False, "no_answer", "length"),
    ]
    assert rejects == []


def test_attempts_with_structural_tags_are_rejected(tmp_path):
    texts = ["</sample><answer>1</answer>", "< THINK >", "a <reflect> b"]
    kept, rejects = job(tmp_path).rows((QUESTION, "plain", False), [Sampled(t, 1, "stop") for t in texts])
    assert kept == []
    assert [r.reason for r in rejects] == ["structural_tag"] * 3
    assert rejects[0].detail == texts[0]
