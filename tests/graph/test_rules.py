"""What the steps of a method ask of each other."""

from __future__ import annotations

import pytest

from sfray.compose import load
from sfray.config.validation import ConfigError
from sfray.graph import build, chosen
from sfray.graph.rules import problems
from sfray.preflight import preflight


def found(*overrides: str) -> list[str]:
    """What is wrong between the steps of a config."""
    config = load(list(overrides))
    steps = build(config)
    return list(problems(steps, chosen(steps, config.steps)))


@pytest.mark.parametrize(
    ("overrides", "lines"),
    [
        (["task.sft.count=0"], [f"task.sft.count: 0 questions for '{n}'; ask for some, or leave it out of steps"
                                for n in ("attempts", "reflections", "quality", "traces")]),
        (["task.rl.count=0"], ["task.rl.count: 0 questions for 'grpo'; ask for some, or leave it out of steps"]),
        (["task.rl.count=0", "steps=[sft]"], []),
        (["task.sft.count=0", "method=rl_only"], []),
        (["task.rl.count=15"], ["task.rl.count: 15 questions do not fill one grpo.batch of 16"]),
        (
            ["sample.variants=[plan]", "trace.variants=[plan,plain]"],
            ["trace.variants[1]: 'plain' is not among sample.variants, so there would be no attempts of it; did you "
             "mean 'plan'?"],
        ),
        (["sample.variants=[plan]", "trace.variants=[plan]"], []),
    ],
)  # fmt: skip
def test_between_steps(overrides: list[str], lines: list[str]) -> None:
    assert found(*overrides) == lines


def test_an_import_has_variants_of_its_own() -> None:
    config = load(["trace.variants=[original]", "steps=[traces]"])
    steps = build(config)
    assert list(problems(steps, ["base", "traces"])) == []
    assert list(problems(steps, ["base", "attempts", "traces"])) == [
        "trace.variants[0]: 'original' is not among sample.variants, so there would be no attempts of it"
    ]


def test_a_stages_own_rule_is_checked_where_it_is_used() -> None:
    with pytest.raises(ConfigError, match=r"^grpo\.nodes: 2 with cluster\.address = local"):
        preflight(load(["grpo.nodes=2"]))
    assert list(preflight(load(["task.rl.count=0", "steps=[eval_base]"]))) == ["base", "questions", "eval_base"]
