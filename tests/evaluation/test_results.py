import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from sfray.artifacts import Questions, Responses
from sfray.config import Config, EvaluateConfig
from sfray.evaluation.results import Evaluated, bin_edges, histogram, percent, quantiles, summarise, write
from sfray.grammar import Pair, render
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.records import Completion
from sfray.store.artifact import Artifact
from tests.evaluation.rows import RIGHT, WRONG, completion, question, write_questions

_CONFIG, _DECODING = Config(), EvaluateConfig(n=2)
_EASY, _OTHER, _HARD = question(0), question(1), question(0, level="4")
_REFLECTED = render(
    [Pair(WRONG, "<verdict>Incorrect</verdict>"), Pair(RIGHT, "<verdict>Correct</verdict>")], ["Again."], "So:", "3 * 5"
)


Rows = dict[str, list[Completion]]


def _rows() -> Rows:
    return {
        "base": [
            completion(_EASY, 0, RIGHT, 10),
            completion(_EASY, 1, WRONG, 30),
            completion(_OTHER, 0, WRONG, 10),
            completion(_OTHER, 1, "cut", 40, "length"),
            completion(_HARD, 0, WRONG, 10),
            completion(_HARD, 1, WRONG, 10),
        ],
        "grpo": [
            *(completion(q, k, _REFLECTED, 47) for q in (_EASY, _OTHER) for k in (0, 1)),
            completion(_HARD, 0, _REFLECTED, 47),
            completion(_HARD, 1, WRONG, 10),
        ],
    }


def _write(root: Path, rows: Rows) -> tuple[dict[str, Evaluated], Path]:
    models = {}
    for name, its in rows.items():
        parts = [root / name / "part-00000.parquet", root / name / "part-00001.parquet"]
        write_table(parts[0], to_table(Completion, its[:3]))
        write_table(parts[1], to_table(Completion, its[3:]))
        models[name] = Evaluated(parts, _DECODING)
    return models, write_questions(root, eval=[_EASY, _OTHER, _HARD]) / "eval.parquet"


def test_summary_by_hand(tmp_path):
    results = summarise(*_write(tmp_path, _rows()), _CONFIG)
    base = results["models"]["base"]["levels"]["countdown-3"]
    assert (base["questions"], base["completions"], base["missing"]) == (2, 4, 0)
    assert base["accuracy"]["mean"] == 0.25
    assert base["lenient_accuracy"]["mean"] == 0.25
    assert base["truncated"]["mean"] == 0.25
    assert base["answers_per_response"] == 0.75
    assert base["reflections_per_response"] == 0
    assert base["reasons"] == {"wrong_value": 2, "correct": 1, "no_answer": 1}
    assert base["tokens"] == {"mean": 22.5, "p50": 30, "p90": 40, "p99": 40, "max": 40}
    assert (base["valid_grammar"], base["grammar_faults"]) == (0, {"unanswered": 1})
    assert base["verdicts"]["correct"]["f1"] is None
    grpo = results["models"]["grpo"]["levels"]["countdown-3"]
    assert grpo["accuracy"]["mean"] == 1.0
    assert grpo["accuracy"]["low"] > 0
    assert (grpo["answers_per_response"], grpo["reflections_per_response"]) == (2.0, 2.0)
    assert grpo["responses_with_reflection"] == 1.0
    assert (grpo["valid_grammar"], grpo["grammar_faults"]) == (1.0, {})
    assert grpo["skills"] == {"reflection": {"per_response": 2.0, "responses": 1.0}}
    assert grpo["verdicts"]["correct"]["f1"]["mean"] == grpo["verdicts"]["incorrect"]["f1"]["mean"] == 1.0
    assert grpo["verdicts"]["incorrect"]["support"] == 4
    assert grpo["scorecard"]["incorrect_to_correct"]["mean"] == grpo["scorecard"]["gain"]["mean"] == 1.0
    assert base["scorecard"]["first_attempt"]["mean"] == base["scorecard"]["final_answer"]["mean"] == 0.25


def test_the_lenient_rate_stands_beside_the_strict_one(tmp_path):
    boxed = completion(_OTHER, 0, "So the answer is 3 * 5.")
    rows = _rows()
    rows["base"][2] = boxed
    base = summarise(*_write(tmp_path, rows), _CONFIG)["models"]["base"]["levels"]["countdown-3"]
    assert base["accuracy"]["mean"] == 0.25
    assert base["lenient_accuracy"]["mean"] == 0.5


def counting(*skills: str) -> Config:
    """The settings, with the use of some skills."""
    return replace(_CONFIG, results=replace(_CONFIG.results, skills=list(skills)))


def test_use_of_declared_skills(tmp_path):
    planned = _REFLECTED.replace("<sample>", "<plan>p</plan><sample>")
    rows = _rows()
    rows["grpo"][0] = replace(rows["grpo"][0], text=planned)
    models, questions = _write(tmp_path, rows)
    assert list(summarise(models, questions, _CONFIG)["models"]["grpo"]["overall"]["skills"]) == ["reflection"]
    results = summarise(models, questions, counting("planning", "backtracking"))
    grpo = results["models"]["grpo"]
    assert results["models"]["base"]["overall"]["skills"]["planning"] == {"per_response": 0.0, "responses": 0.0}
    assert grpo["levels"]["countdown-3"]["skills"] == {
        "reflection": {"per_response": 2.0, "responses": 1.0},
        "planning": {"per_response": 0.5, "responses": 0.25},
        "backtracking": {"per_response": 0.0, "responses": 0.0},
    }
    assert grpo["overall"]["skills"]["planning"] == {"per_response": 0.25, "responses": 0.125}
    with pytest.raises(ValueError, match=r"^results\.skills: no skill 'planing'; did you mean 'planning'\?$"):
        summarise(models, questions, counting("planing"))


def test_averages_weigh_levels_and_not_questions(tmp_path):
    results = summarise(*_write(tmp_path, _rows()), _CONFIG)
    grpo = results["models"]["grpo"]
    assert grpo["levels"]["countdown-4"]["accuracy"]["mean"] == 0.5
    assert grpo["overall"]["accuracy"]["mean"] == grpo["tasks"]["countdown"]["accuracy"]["mean"] == 0.75
    assert grpo["tasks"]["countdown"]["levels"] == ["countdown-3", "countdown-4"]
    assert grpo["overall"]["completions"] == 6


def test_differences_pair_questions(tmp_path):
    results = summarise(*_write(tmp_path, _rows()), _CONFIG)
    found = {d["group"]: d for d in results["differences"]}
    assert [(d["model"], d["minus"]) for d in results["differences"]] == [("grpo", "base")] * 3
    assert found["countdown-3"] == {
        "model": "grpo", "minus": "base", "group": "countdown-3", "mean": 0.75, "low": 0.5, "high": 1.0
    }  # fmt: skip
    assert found["overall"]["mean"] == 0.625


def test_lengths_share_their_edges(tmp_path):
    results = summarise(*_write(tmp_path, _rows()), _CONFIG)
    assert results["histogram_edges"][:3] == [0, 2, 4]
    bars = results["models"]["grpo"]["levels"]["countdown-4"]["histogram"]
    assert [(i, n) for i, n in enumerate(bars) if n] == [(5, 1), (23, 1)]


def test_missing_answers_are_counted_and_not_scored(tmp_path):
    rows = {name: [r for r in its if not r.id.endswith("000001/1")] for name, its in _rows().items()}
    results = summarise(*_write(tmp_path, rows), _CONFIG)
    base = results["models"]["base"]["levels"]["countdown-3"]
    assert (base["completions"], base["missing"]) == (3, 1)
    assert base["accuracy"]["mean"] == 0.25  # 1 of 2, and 0 of 1


def test_a_model_without_answers_has_no_accuracy(tmp_path):
    results = summarise(*_write(tmp_path, _rows() | {"grpo": []}), _CONFIG)
    assert results["models"]["grpo"]["overall"] is None
    assert results["models"]["grpo"]["levels"]["countdown-3"]["accuracy"] is None
    assert results["differences"] == []


def test_doubled_and_foreign_completions_are_refused(tmp_path):
    rows = _rows()["base"]
    with pytest.raises(ValueError, match=r"'countdown-3:eval:000000/0' is there twice \(again in part-00001"):
        summarise(*_write(tmp_path, {"base": [*rows, rows[0]]}), _CONFIG)
    with pytest.raises(ValueError, match="of 'base' answers none of these questions"):
        summarise(*_write(tmp_path, {"base": [*rows, completion(question(9), 0, RIGHT)]}), _CONFIG)


def test_parts_may_come_in_any_order(tmp_path):
    models, questions = _write(tmp_path, _rows())
    other = {name: Evaluated(list(reversed(m.parts)), m.decoding) for name, m in models.items()}
    assert summarise(models, questions, _CONFIG) == summarise(other, questions, _CONFIG)


def test_write_leaves_results_and_commits(tmp_path, capsys):
    questions = Questions(write_questions(tmp_path, eval=[_EASY, _OTHER, _HARD]), "eval")
    models = {}
    for name, its in _rows().items():
        made = Artifact(tmp_path / name, "evaluate", {"evaluate": asdict(_DECODING)}, {})
        made.open()
        made.write_shard(0, to_table(Completion, its))
        made.commit({})
        models[name] = Responses(made.path)
    output = Artifact(tmp_path / "results", "results", {}, {})
    output.open()
    write(_CONFIG, output, questions, models)
    results = json.loads((output.path / "results.json").read_text())
    assert results["schema"] == 1
    decoding = {k: v for k, v in asdict(_DECODING).items() if k != "skills"}
    assert (results["samples_per_question"], results["decoding"]) == (2, decoding)
    manifest = output.manifest
    assert manifest.counts == {"questions": 3, "completions": 12, "missing": 0}
    assert manifest.metrics["accuracy"]["grpo"]["mean"] == 0.75
    assert "countdown-4" in capsys.readouterr().out


def test_edges_cover_the_longest():
    assert bin_edges(0, 4) == [0, 1, 2, 3, 4]
    assert bin_edges(7, 4) == [0, 2, 4, 6, 8]
    assert bin_edges(8, 4) == [0, 3, 6, 9, 12]
    assert histogram([0, 1, 2, 7], [0, 2, 4, 6, 8]) == [2, 1, 0, 1]


def test_quantiles_of_nothing():
    assert quantiles([]) is None
    assert quantiles([5]) == {"mean": 5.0, "p50": 5, "p90": 5, "p99": 5, "max": 5}


def test_percent():
    assert percent({"mean": 0.357, "low": 0.307, "high": 0.411}) == "35.7 (30.7-41.1)"
    assert percent(None) == "-"
