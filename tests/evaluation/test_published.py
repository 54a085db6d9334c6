import pytest

from sfray.config import ReportConfig
from sfray.evaluation.published import published


def test_the_paper_says():
    paper = published("qwen2.5-1.5b")
    grpo = paper.rows["grpo"]
    assert grpo.accuracy["countdown-4"] == 42.1
    assert grpo.accuracy["gsm8k"] == 68.2
    assert (grpo.countdown, grpo.average) == (25.1, 31.9)
    assert published("openthoughts-7b").rows["rl_only"].accuracy["math500"] == 59.1
    assert published("olmo-3-7b").rows["grpo"].countdown == 65.3
    assert paper.skills["countdown-4"] == {
        "answers": 2.34, "reflections": 7.13, "f1_correct": 0.65, "f1_incorrect": 0.97
    }  # fmt: skip


def test_averages_are_those_of_their_columns():
    """Guards against a slip in copying: the paper's averages follow from its columns."""
    complete = [row for row in published("qwen2.5-1.5b").rows.values() if row.accuracy]
    assert len(complete) == 6
    for row in complete:
        values = list(row.accuracy.values())
        assert sum(values[:3]) / 3 == pytest.approx(row.countdown, abs=0.06)
        assert sum(values[3:]) / 10 == pytest.approx(row.average, abs=0.06)
    for table in ("openthoughts-7b", "openthoughts-7b-10k"):
        for row in published(table).rows.values():
            assert sum(row.accuracy.values()) / 4 == pytest.approx(row.average, abs=0.06)


def test_the_row_beside_a_model():
    paper = published("qwen2.5-1.5b")
    models = ("base", "sft", "grpo")
    assert paper.beside(models, ReportConfig()) == {m: paper.rows[m] for m in models}
    assert paper.beside(("base", "rl_only"), ReportConfig()) == {m: paper.rows[m] for m in ("base", "rl_only")}
    assert list(published("openthoughts-7b").beside(models, ReportConfig())) == ["grpo"]
    assert published("openthoughts-7b").beside(models, ReportConfig())["grpo"].accuracy["gpqa"] == 56.7
    assert published("openthoughts-7b-10k").beside(models, ReportConfig())["grpo"].accuracy["gpqa"] == 57.9


@pytest.mark.parametrize(
    ("row", "average"), [("no_prompt_diversity", 29.0), ("no_order", 24.1), ("no_reflections", 23.3)]
)
def test_an_ablation_is_set_beside_the_papers(row, average):
    config = ReportConfig(beside=row)
    assert published("qwen2.5-1.5b").beside(("grpo",), config)["grpo"].average == average


def test_a_row_that_only_another_table_has_leaves_the_model_alone():
    config = ReportConfig(beside="no_order")
    assert list(published("qwen2.5-7b").beside(("base", "grpo"), config)) == ["base"]


def test_averages_are_named_by_what_they_are_over():
    assert published("qwen2.5-1.5b").average_of == "the paper's 10 other than Countdown"
    assert published("openthoughts-7b").average_of == "the paper's 4"


def test_an_unknown_row_names_the_nearest():
    config = ReportConfig(beside="no_ordre")
    with pytest.raises(ValueError, match=r"report.beside: no row 'no_ordre'; did you mean 'no_order'\?"):
        published("qwen2.5-1.5b").beside((), config)


def test_an_unknown_table_names_the_nearest():
    with pytest.raises(ValueError, match=r"report.published: no table 'qwen-1.5b'; did you mean 'qwen2.5-1.5b'\?"):
        published("qwen-1.5b")
