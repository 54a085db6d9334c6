"""Mathematical equality: exact where it can be, bounded where it cannot."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.config import SplitConfig
from sfray.records import Question
from sfray.tasks.mathematics import MAX_CHARS, Aime2025, Amc, Math500, gold_problem, judge
from sfray.tasks.outcome import Reason


@pytest.mark.parametrize(
    ("gold", "answer", "reason"),
    [
        ("42", "42", Reason.CORRECT),
        ("42", "42.0", Reason.CORRECT),
        ("1,234", "1234", Reason.CORRECT),
        ("12", r"\$12", Reason.CORRECT),
        ("12", "12%", Reason.CORRECT),
        ("12", "12 dollars", Reason.CORRECT),
        ("42", "x = 42", Reason.CORRECT),
        (r"\text{Evelyn}", "Evelyn", Reason.CORRECT),
        (r"\text{(C)}", "C", Reason.CORRECT),
        (r"\frac{1}{2}", r"\frac {1}{2}", Reason.CORRECT),
        (r"\left(1,2\right)", "(1, 2)", Reason.CORRECT),
        (r"\frac{1}{2}", r"\frac 1 2", Reason.CORRECT),
        (r"\dfrac12", r"\dfrac{1}{2}", Reason.CORRECT),
        ("1234567", r"1\,234\,567", Reason.CORRECT),
        (r"10,\!000", "10,000", Reason.CORRECT),
        ("1 1/2", "1 1/2", Reason.CORRECT),
        ("3/2", "1 1/2", Reason.CORRECT),
        ("11/2", "1 1/2", Reason.WRONG_VALUE),
        ("1 1/2", "11/2", Reason.WRONG_VALUE),
        ("42", "4 2", Reason.BAD_SYNTAX),
        ("123", "1 2 3", Reason.BAD_SYNTAX),
        ("12", r"1\,2", Reason.BAD_SYNTAX),
        ("1234", r"12\,34", Reason.BAD_SYNTAX),
        (r"\frac{12}{5}", r"\frac{1 2}{5}", Reason.BAD_SYNTAX),
        ("42", "42.0000001", Reason.WRONG_VALUE),
        ("42", "-42", Reason.WRONG_VALUE),
        ("42", "41 = 42", Reason.BAD_SYNTAX),
        ("42", r"\theta = 42", Reason.CORRECT),
        ("42", "x_1 = 42", Reason.CORRECT),
        ("42", "f(x) = 42", Reason.CORRECT),
        ("42", "AB = 42", Reason.CORRECT),
        ("42", "answer = 42", Reason.CORRECT),
        ("42", "42 square inches", Reason.CORRECT),
        *(
            ("42", answer, Reason.BAD_SYNTAX)
            for answer in (
                "x != 42",
                "x <= 42",
                "x >= 42",
                "2x = 42",
                "-x = 42",
                "x^2 = 42",
                "1/x = 42",
                "0, 1, 2, x = 42",
                "either 41 or y = 42",
                "not the answer = 42",
                "not = 42",
                "no = 42",
                r"x \ne = 42",
                "42 million",
                "42 factorial",
                "42 squared",
                "42 times two",
                "42 minus one",
                "42 over seven",
                "42 dozen",
                "42 wrong",
                "42'",
                r"42^\prime",
                "42_5",
                "42_{5}",
                r"42 \mod 50",
                r"42 \pmod{50}",
                r"42 \text{ is wrong}",
                r"42 \text{ or } 43",
                r"\binom{42}{1}",
                r"{42 \choose 1}",
                "42!/41!",
                r"\int_0^{42} 1 dx",
                r"\lim_{x\to 42} x",
                r"\max(1,42)",
                r"\operatorname{lcm}(6,14)",
                r"\frac{d}{dx} 42x",
                "(42)_{1}",
                r"42\ldots",
                "41 1/1",
                r"41\frac{1}{1}",
            )
        ),
        ("90", "90°", Reason.CORRECT),
        (r"90^\circ", "90", Reason.CORRECT),
        (r"120^\circ", "120°", Reason.CORRECT),
        (r"90^{\circ}", "90 degrees", Reason.CORRECT),
        (r"90^\circ", "90 radians", Reason.WRONG_VALUE),
        (r"15 \text{ cm}^2", "15cm²", Reason.CORRECT),
        (r"15\mbox{ cm}^2", "15 cm^2", Reason.CORRECT),
        (r"15\mbox{ cm}^2", "15", Reason.CORRECT),
        (r"15\mbox{ cm}^2", "15 square centimeters", Reason.CORRECT),
        (r"15\mbox{ cm}^2", "15 cm", Reason.WRONG_VALUE),
        (r"15\mbox{ cm}^2", "16 cm^2", Reason.WRONG_VALUE),
        (r"5.4 \text{ cents}", "5.4 cents", Reason.CORRECT),
        (r"5.4 \text{ cents}", r"5.4 \text{ dollars}", Reason.WRONG_VALUE),
        (r"\$12", "$12.00", Reason.CORRECT),
        (r"\$12", "12 dollars", Reason.CORRECT),
        (r"\$12", "12 cents", Reason.WRONG_VALUE),
        (r"10\%", "10 percent", Reason.CORRECT),
        (r"10\%", "10 cm", Reason.WRONG_VALUE),
        ("12", r"\$12 \text{ million}", Reason.BAD_SYNTAX),
        (r"3 \text{ million}", "3", Reason.BAD_SYNTAX),
        ("5 m", "5 meters", Reason.CORRECT),
        (r"\frac{7}{2}", "3 1/2", Reason.CORRECT),
        (r"3\frac{1}{2}", "3.5", Reason.CORRECT),
        ("30", "10 20/1", Reason.BAD_SYNTAX),
        ("1", r"2\frac{1}{2}", Reason.WRONG_VALUE),
        ("1000", "1{,}000", Reason.CORRECT),
        ("(1,2)", r"\{1,2\}", Reason.WRONG_VALUE),
        (r"\{1,2\}", r"\left(1, 2\right)", Reason.WRONG_VALUE),
        ("(0,1)", r"x \in \{0,1\}", Reason.WRONG_VALUE),
        ("x = 5", "3x + 1 = 16", Reason.BAD_SYNTAX),
        (
            r"\begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix}",
            r"\begin{pmatrix}-2\\-14\\-7\end{pmatrix}",
            Reason.CORRECT,
        ),
        ("2516_8", "2516_8", Reason.CORRECT),
        ("2516_8", "2516_9", Reason.BAD_SYNTAX),
        ("2516_8", "2516", Reason.BAD_SYNTAX),
        ("42", "x = 41 = 42", Reason.BAD_SYNTAX),
        ("42", "the answer is 42", Reason.BAD_SYNTAX),
        ("42", "forty two", Reason.BAD_SYNTAX),
        ("83", "41 42", Reason.BAD_SYNTAX),
        (r"\text{Evelyn}", "Carla", Reason.BAD_SYNTAX),
        ("42", "$41$ or $42$", Reason.BAD_SYNTAX),
        ("42", "9" * (MAX_CHARS + 1), Reason.TOO_LONG),
    ],
)
def test_plain_answers_need_no_library(monkeypatch, gold: str, answer: str, reason: Reason) -> None:
    monkeypatch.setattr("sfray.tasks.mathematics.call", None)
    assert judge({"answer": gold}, answer).reason is reason


@pytest.mark.parametrize(
    ("gold", "answer", "reason"),
    [
        (r"\frac{1}{2}", "0.5", Reason.CORRECT),
        (r"\frac{\sqrt{3}}{2}", r"\sqrt{3}/2", Reason.CORRECT),
        ("x^2", "x*x", Reason.CORRECT),
        ("1,-2", "-2, 1", Reason.CORRECT),
        (r"3\pi", "3pi", Reason.CORRECT),
        (r"(3, \frac{\pi}{2})", r"\left(3, \pi/2\right)", Reason.CORRECT),
        ("2i", "2", Reason.WRONG_VALUE),
        (r"\frac{1}{8}", "0.125", Reason.CORRECT),
        ("2516_8", "2516_{8}", Reason.CORRECT),
        ("42", r"42 \text{ inches}", Reason.CORRECT),
        (r"\frac{1}{3}", "0.333333", Reason.WRONG_VALUE),
        (r"\sqrt{2}", "1.414214", Reason.WRONG_VALUE),
        (r"\pi", "3.141593", Reason.WRONG_VALUE),
        ("x = 2", "2 = x", Reason.CORRECT),
        ("x+1", "x+2", Reason.WRONG_VALUE),
        (
            r"\begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix}",
            r"\begin{bmatrix}-2\\-14\\-7\end{bmatrix}",
            Reason.CORRECT,
        ),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix}1\\3\end{pmatrix}", Reason.WRONG_VALUE),
        (r"\sqrt{2}", "√2", Reason.CORRECT),
        (r"\{1,2\}", "2,1", Reason.CORRECT),
        ("(1,2)", "1, 2", Reason.WRONG_VALUE),
        ("(1,2)", "2, 1", Reason.WRONG_VALUE),
        ("[1,2]", r"x\in[1,2]", Reason.CORRECT),
        ("1024", "2^{10}", Reason.CORRECT),
        (r"\binom{n}{2}", r"\frac{n!}{2!(n-2)!}", Reason.CORRECT),
        ("3t", "3", Reason.WRONG_VALUE),
        ("5 m", "5", Reason.WRONG_VALUE),
        ("p - s", "-s + p", Reason.CORRECT),
        ("y = mx + c", "y = c + mx", Reason.CORRECT),
        ("y = 2x + 3", "y - 3 = 2x", Reason.CORRECT),
        ("42", "41, 42", Reason.WRONG_VALUE),
        ("42", "41 or 42", Reason.WRONG_VALUE),
        ("2", r"\frac{0}{0}", Reason.WRONG_VALUE),
        ("2", "9**9**9", Reason.TOO_LONG),
        ("2", "9^{9^{9^{9}}}", Reason.TOO_LONG),
    ],
)
def test_formulas_are_compared_by_the_library(gold: str, answer: str, reason: Reason) -> None:
    assert judge({"answer": gold}, answer).reason is reason


@given(
    st.integers(-(10**9), 10**9), st.sampled_from(["{}", "${}$", r"\boxed{{{}}}", r"\[{}\]", " {} \n", "{}.", "n = {}"])
)
def test_a_number_in_any_dress_is_right(number: int, form: str) -> None:
    assert judge({"answer": str(number)}, form.format(number)).correct
    assert not judge({"answer": str(number + 1)}, form.format(number)).correct


PIECES = st.sampled_from(
    [*"0123456789.,/+-=<>!'$%^_(){}[] abcmtxé°²√π½\\", r"\text{", "cm", " and ", r"\frac", r"\{", r"\in ", r"\$", r"\\"]
)


@given(st.lists(PIECES, max_size=60).map("".join), st.lists(PIECES, min_size=1, max_size=8).map("".join))
def test_any_text_is_judged(answer: str, gold: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sfray.tasks.mathematics.call", lambda *_: "different")
        assert judge({"answer": gold}, answer).answer == answer


@pytest.mark.parametrize(
    "piece",
    ["a ", "a/", "/", "√(", r"\text{a}", r"\text{", "(1,", r"\{1,", "1 ", r"1\frac{1}{1}", "x = ", "{d}{d", "$", "_1"],
)
def test_no_text_takes_long_without_the_library(monkeypatch, piece: str) -> None:
    monkeypatch.setattr("sfray.tasks.mathematics.call", lambda *_: "different")
    text = (piece * MAX_CHARS)[: MAX_CHARS - 1] + "?"

    def spent() -> float:
        start = time.process_time()
        judge({"answer": "42"}, text)
        return time.process_time() - start

    assert min(spent() for _ in range(3)) < 0.02


def test_it_works_off_the_main_thread_and_from_several() -> None:
    outcomes: list[Reason] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(judge({"answer": r"\frac{1}{2}"}, "0.5").reason))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [Reason.CORRECT] * 4


@pytest.mark.parametrize(
    "gold", [{"answer": g} for g in ("42", r"\frac{1}{2}", r"\text{Evelyn}", "p - s", "$12", r"15\mbox{ cm}^2")]
)
def test_good_golds_pass(gold: dict) -> None:
    assert gold_problem(gold) is None


@pytest.mark.parametrize(
    "gold",
    [{}, {"answer": 5}, {"answer": ""}, {"answer": "$1$ or $2$"}, {"answer": "1" * 600}, {"answer": r"\frac{1}"}],
)
def test_bad_golds_are_named(gold: dict) -> None:
    assert gold_problem(gold) is not None


def test_the_data_sets_are_read_by_their_columns(tmp_path: Path) -> None:
    files = {
        Aime2025: {"problem_idx": 1, "problem": "Find it.", "answer": 70, "problem_type": ["Algebra"]},
        Amc: {"id": 0, "problem": "Find it.", "answer": 27.0, "url": "https://example.org"},
        Math500: {
            "problem": "Find it.",
            "solution": "",
            "answer": r"\frac{1}{2}",
            "subject": "",
            "level": 2,
            "unique_id": "a",
        },
    }
    answers = []
    for task, row in files.items():
        path = tmp_path / f"{task.name}.jsonl"
        path.write_text(json.dumps(row) + "\n")
        (question,) = task({"path": str(path)}).questions("eval", SplitConfig(["-"], 1), 0)
        assert isinstance(question, Question)
        assert (question.id, question.text) == (f"{task.name}:eval:000000", "Find it.")
        assert json.loads(question.gold) == {"answer": question.answer}
        answers.append(question.answer)
    assert answers == ["70", "27", r"\frac{1}{2}"]
