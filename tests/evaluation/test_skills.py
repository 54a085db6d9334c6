import numpy as np

from sfray.evaluation.skills import RIGHT, UNREADABLE, WRONG, read, said, verdict_scores
from sfray.grammar import TAGS, Faults, Pair, Verdict, VerdictError, render
from tests.evaluation.rows import RIGHT as RIGHT_TEXT
from tests.evaluation.rows import WRONG as WRONG_TEXT
from tests.evaluation.rows import question

_Q = question(0)


def test_a_plain_answer_is_one_attempt_without_reflection():
    skills = read(RIGHT_TEXT, _Q.task, _Q.gold, "3 * 5")
    assert (skills.answers, skills.reflections, skills.verdicts.sum()) == (1, 0, 0)
    assert read("no idea", _Q.task, _Q.gold, None).answers == 0


def test_verdicts_are_held_against_the_verifier_and_not_taken_on_trust():
    pairs = [
        Pair(WRONG_TEXT, "<verdict>Incorrect</verdict>"),
        Pair(WRONG_TEXT, "<verdict>Correct</verdict>"),
        Pair(RIGHT_TEXT, "<verdict>Incorrect</verdict>"),
        Pair(RIGHT_TEXT, "I am not sure."),
        Pair(RIGHT_TEXT, None),
        Pair(RIGHT_TEXT, "<verdict>Correct</verdict>"),
    ]
    skills = read(render(pairs, ["Again."] * 5, "So:", "3 * 5"), _Q.task, _Q.gold, "3 * 5")
    assert (skills.answers, skills.reflections, skills.valid) == (6, 5, True)
    assert skills.verdicts.tolist() == [[1, 1, 0], [1, 1, 1]]


def test_each_of_several_reflections_on_an_attempt_counts():
    again = "".join(
        f"<reflect>{v}</reflect>" for v in ("<verdict>Correct</verdict>", "hm", "<verdict>Incorrect</verdict>")
    )
    skills = read(f"<think><sample>{RIGHT_TEXT}</sample>{again}</think> {RIGHT_TEXT}", _Q.task, _Q.gold, "3 * 5")
    assert (skills.answers, skills.reflections) == (1, 3)
    assert skills.verdicts.tolist() == [[0, 0, 0], [1, 1, 1]]


def test_no_verdict_is_right_or_wrong_on_an_attempt_that_cannot_be_judged():
    gold = '{"answer": "2"}'
    unreadable, wrong = "<answer>((1)</answer>", "<answer>3</answer>"
    blocks = "".join(
        f"<sample>{attempt}</sample><reflect><verdict>Incorrect</verdict></reflect>" for attempt in (unreadable, wrong)
    )
    skills = read(f"<think>{blocks}</think> <answer>2</answer>", "math500", gold, "2")
    assert (skills.answers, skills.reflections) == (2, 2)
    assert skills.verdicts.tolist() == [[1, 0, 0], [0, 0, 0]]


def test_broken_grammar_is_paired_as_it_was_written():
    """An attempt without an opening tag takes the reflection behind it, which then agrees with the verifier."""
    text = (
        f"<think><sample>{WRONG_TEXT}</sample><reflect><verdict>Incorrect</verdict></reflect></think>\n"
        f"{RIGHT_TEXT}</sample><reflect><verdict>Correct</verdict></reflect></think> So: <answer>3 * 5</answer>"
    )
    skills = read(text, _Q.task, _Q.gold, "3 * 5")
    assert (skills.answers, skills.reflections) == (2, 2)
    assert skills.verdicts.tolist() == [[1, 0, 0], [0, 1, 0]]
    scores = verdict_scores(skills.verdicts[None])
    assert scores["correct"]["f1"]["mean"] == scores["incorrect"]["f1"]["mean"] == 1.0
    assert not skills.valid
    assert skills.faults == Faults(extra_ends=1, unopened=2, misplaced=1)


def test_a_cut_response_counts_its_complete_blocks():
    text = render([Pair(WRONG_TEXT, "<verdict>Incorrect</verdict>"), Pair(RIGHT_TEXT, "?")], ["x"], "So:", "3 * 5")
    cut = text[: text.index("?")]
    skills = read(cut, _Q.task, _Q.gold, None)
    assert (skills.answers, skills.reflections) == (2, 1)


def test_said_reads_verdicts_and_their_stored_words():
    assert said(Verdict.CORRECT) == said("Correct") == RIGHT
    assert said(Verdict.INCORRECT) == said("Incorrect") == WRONG
    assert said(VerdictError.CONTRADICTORY) == said(None) == UNREADABLE


def test_scores_by_hand():
    counts = np.array([[[4, 1, 1], [2, 6, 0]], [[0, 1, 0], [0, 3, 2]]])
    scores = verdict_scores(counts)
    correct, incorrect = scores["correct"], scores["incorrect"]
    assert correct["precision"]["mean"] == round(9 / 11, 6)
    assert correct["recall"]["mean"] == round(9 / 13, 6)
    assert correct["f1"]["mean"] == round(18 / 24, 6)
    assert correct["support"] == 13
    assert incorrect["precision"]["mean"] == round(4 / 6, 6)
    assert incorrect["recall"]["mean"] == round(4 / 7, 6)
    assert incorrect["f1"]["mean"] == round(8 / 13, 6)
    assert incorrect["support"] == 7
    assert scores["unreadable"] == 3


def test_scores_without_verdicts_are_not_defined():
    scores = verdict_scores(np.zeros((2, 2, 3), int))
    assert scores["correct"] == {"precision": None, "recall": None, "f1": None, "support": 0}


def test_segments_of_every_declared_skill_are_counted():
    text = (
        f"<think><plan>p</plan><sample>{WRONG_TEXT}</sample><reflect>r</reflect><plan>q</plan>"
        f"<sample>{RIGHT_TEXT}</sample></think> <answer>3 * 5</answer>"
    )
    tags = TAGS | {"planning": "plan", "backtracking": "backtrack"}
    skills = read(text, _Q.task, _Q.gold, "3 * 5", tags)
    assert skills.segments == {"reflection": 1, "planning": 2, "backtracking": 0}
    assert skills.valid
    assert read(text, _Q.task, _Q.gold, "3 * 5").segments == {"reflection": 1}
