from typing import Any

from sfray.config import ReportConfig
from sfray.evaluation.published import published
from sfray.report import tables
from sfray.report.tables import Cell
from sfray.store.manifest import Manifest

_PAPER = published("qwen2.5-1.5b")


def _estimate(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": mean / 2, "high": min(1.0, mean * 1.5)}


def _level(mean: float) -> dict[str, Any]:
    f1 = {"precision": None, "recall": None, "f1": _estimate(0.8), "support": 3}
    return {
        "accuracy": _estimate(mean),
        "lenient_accuracy": _estimate(mean),
        "answers_per_response": 1.5,
        "reflections_per_response": 0.25,
        "responses_with_reflection": 0.2,
        "valid_grammar": 0.125,
        "verdicts": {"correct": f1, "incorrect": f1 | {"f1": None}, "unreadable": 0},
        "truncated": _estimate(0.0),
        "tokens": {"mean": 99.6, "p50": 1, "p90": 1, "p99": 1, "max": 1},
        "reasons": {"correct": 3, "no_answer": 1},
    }


def _results(levels: dict[str, tuple[float, float]]) -> dict[str, Any]:
    models: dict[str, Any] = {}
    for i, name in enumerate(("base", "grpo")):
        found = {k: _level(v[i]) for k, v in levels.items()}
        mean = sum(v[i] for v in levels.values()) / len(levels)
        average = _level(mean) | {"levels": list(levels)}
        models[name] = {"levels": found, "tasks": {"countdown": average}, "overall": average}
    differences = [
        {"model": "grpo", "minus": "base", "group": "countdown-4", "mean": 0.1, "low": 0.02, "high": 0.2},
        {"model": "grpo", "minus": "base", "group": "overall", "mean": -0.1, "low": -0.3, "high": 0.0},
    ]
    return {"models": models, "differences": differences}


_LEVELS = {"countdown-3": (0.3, 0.6), "countdown-4": (0.1, 0.2), "countdown-5": (0.02, 0.01), "countdown-6": (0.0, 0.0)}


def test_accuracy_stands_beside_the_papers_other_model():
    table = tables.accuracy(_results(_LEVELS), _PAPER, ReportConfig())
    assert table.spans == (("", 1), ("this run, %", 2), ("the paper, %: a different model, Qwen2.5-1.5B-Instruct", 2))
    assert table.head == ("", "Base", "GRPO", "Base", "SkillFactory → GRPO")
    rows = {row[0].text: row[1:] for row in table.rows}
    assert rows["countdown-4"] == [
        Cell("10.0", "5.0 – 15.0"), Cell("20.0", "10.0 – 30.0", "best"), Cell("3.3", kind="other"),
        Cell("42.1", kind="other"),
    ]  # fmt: skip
    assert rows["countdown-3"][2:] == [Cell("–", kind="other")] * 2
    assert [c.kind for c in rows["countdown-6"][:2]] == ["", ""]
    assert [c.text for c in rows["countdown 4 to 6"]] == ["4.0", "7.0", "1.9", "25.1"]
    assert [c.text for c in rows["average of all"]] == ["10.5", "20.2", "–", "–"]


def test_a_label_names_the_papers_row():
    results = _results(_LEVELS)
    results["models"]["rl_only"] = results["models"].pop("grpo")
    assert tables.accuracy(results, _PAPER, ReportConfig()).head[-1] == "RL only"


def test_labels_are_read_as_titles():
    assert [tables.title(label) for label in ("base", "sft", "grpo", "rl_only", "grpo_2", "star", "skillfactory")] == [
        "Base", "SFT", "GRPO", "RL only", "GRPO 2", "STaR", "SkillFactory"
    ]  # fmt: skip


def test_tasks_that_were_not_trained_on_have_the_papers_average():
    levels = dict.fromkeys(_PAPER.averaged, (0.2, 0.4)) | _LEVELS
    rows = {r[0].text: r[1:] for r in tables.accuracy(_results(levels), _PAPER, ReportConfig()).rows}
    assert [c.text for c in rows["the paper's 10 other than Countdown"]] == ["20.0", "40.0", "26.9", "31.9"]
    fewer = dict(list(levels.items())[1:])
    rows = {r[0].text: r[1:] for r in tables.accuracy(_results(fewer), _PAPER, ReportConfig()).rows}
    assert not [label for label in rows if label.startswith("the paper's")]


def test_an_ablation_stands_beside_the_papers_own():
    config = ReportConfig(beside="no_order")
    table = tables.accuracy(_results(dict.fromkeys(_PAPER.averaged, (0.2, 0.4))), _PAPER, config)
    assert table.head == ("", "Base", "GRPO", "Base", "no sample order → GRPO")
    rows = {r[0].text: [c.text for c in r[1:]] for r in table.rows}
    assert rows["gsm8k"] == ["20.0", "40.0", "59.2", "–"]
    assert rows["the paper's 10 other than Countdown"][-1] == "24.1"


def test_one_level_needs_no_average():
    table = tables.accuracy(_results({"countdown-3": (0.3, 0.6)}), _PAPER, ReportConfig())
    assert [row[0].text for row in table.rows] == ["countdown-3"]


def test_differences_are_bold_where_they_leave_out_zero():
    table = tables.differences(_results(_LEVELS))
    assert table.head == ("", "GRPO − Base")
    assert table.rows == [
        [Cell("countdown-4", kind="name"), Cell("+10.0", "+2.0 – +20.0", "best")],
        [Cell("average of all", kind="name"), Cell("-10.0", "-30.0 – +0.0", "")],
    ]


def test_skills_have_the_papers_figures_of_the_same_levels():
    rows = tables.skills(_results(_LEVELS), _PAPER).rows
    names = [row[0].text for row in rows]
    assert names[:2] == ["Base", "countdown-3"]
    assert [c.text for c in rows[1][1:]] == ["1.50", "0.25", "20.0", "12.5", "80.0", "–", "30.0", "0.0", "100"]
    assert names[10:] == ["paper: Qwen2.5-1.5B-Instruct, SkillFactory → GRPO", *_LEVELS]
    assert [c.text for c in rows[12][1:]] == ["2.34", "7.13", "–", "–", "65.0", "97.0", "–", "–", "–"]


def test_results_of_an_older_version_show_a_dash_for_the_grammar():
    results = _results(_LEVELS)
    del results["models"]["base"]["levels"]["countdown-3"]["valid_grammar"]
    table = tables.skills(results, _PAPER)
    assert table.head[4] == "valid grammar, %"
    assert [row[4].text for row in table.rows[1:3]] == ["–", "12.5"]


def test_reasons():
    table = tables.reasons(_results(_LEVELS))
    assert [[c.text for c in row] for row in table.rows] == [["correct", "3", "3"], ["no_answer", "1", "1"]]


def test_steps_are_listed_with_a_sum():
    def manifest(name: str, seconds: float, **more: Any) -> Manifest:
        return Manifest(name, "f", {}, {}, seconds=seconds, **more)

    table = tables.steps(
        {
            "questions": manifest("questions", 61.0, engine_use=0.7142),
            "traces": manifest(
                "traces", 4.4, counts={"traces": 1200}, rejects={"too_long": 3}, incidents={"actors_restarted": 2}
            ),
        },
        {},
    )
    assert [row[1].note for row in table.rows] == ["engines 71% full", "2 actors restarted", ""]
    assert [[c.text for c in row] for row in table.rows] == [
        ["questions", "1:01 min", "–", "–", "none"],
        ["traces", "4.4 s", "–", "1,200 traces", "3 too long"],
        ["all", "1:05 min", "–", "", ""],
    ]


def test_steps_show_what_was_planned_and_how_far_it_was_off():
    made = {
        "attempts": Manifest("sample", "a", {}, {}, seconds=50.0),
        "results": Manifest("results", "r", {}, {}, seconds=0.4),
    }
    planned = {"attempts": {"seconds": 40.0}, "results": {"seconds": 0.5}}
    cells = [(row[2].text, row[2].note) for row in tables.steps(made, planned).rows]
    assert cells == [("40 s", "-20%"), ("0.5 s", ""), ("40 s", "-20%")]
    # The whole is not set beside a plan that lacks a step.
    del planned["results"]
    assert [row[2].text for row in tables.steps(made, planned).rows] == ["40 s", "–", "–"]


def test_silver_rates():
    computed = {"texts": 10, "with_arithmetic": 8, "wrong_arithmetic_rate": 0.125, "contradiction_rate": 0.0}
    wordy = {"texts": 2, "with_arithmetic": 0, "wrong_arithmetic_rate": None}
    clean = {"texts": 5, "with_arithmetic": 5, "wrong_arithmetic_rate": 0.0}
    table = tables.silver(
        {"countdown.reflection": computed, "countdown.attempt_correct": wordy, "multiplication.reflection": clean}
    )
    assert [[c.text for c in row] for row in table.rows] == [
        ["countdown: reflection", "10", "8", "12.50", "0.00"],
        ["countdown: attempt correct", "2", "0", "–", "–"],
        ["multiplication: reflection", "5", "5", "0.00", "0.00"],
    ]


def test_traces_by_level():
    def level(questions: int, with_traces: int, traces: int, most: int) -> dict:
        per = {"mean": traces / questions, "max": most}
        return {"questions": questions, "with_traces": with_traces, "traces": traces, "per_question": per}

    table = tables.traces_by_level({"countdown-10": level(4, 1, 1, 1), "countdown-4": level(4, 4, 19, 1200)})
    assert [[(c.text, c.note) for c in row] for row in table.rows] == [
        [("countdown-4", ""), ("4", ""), ("4", ""), ("19", ""), ("95.0", ""), ("4.75", "most 1,200")],
        [("countdown-10", ""), ("4", ""), ("1", ""), ("1", ""), ("5.0", ""), ("0.25", "most 1")],
    ]
