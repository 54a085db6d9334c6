"""The ``reflect`` stage in a method: which reflections the steps that read them need."""

from __future__ import annotations

from typing import Any

import pytest

from sfray import graph
from sfray.compose import load
from sfray.config.settings import LazyReflectionSettings
from sfray.graph import Step


def reflections(*overrides: str) -> Step:
    return graph.build(load(list(overrides)))["reflections"]


def because(*overrides: str) -> str:
    """Why everything is reflected on in lazy mode."""
    step = reflections(*overrides)
    assert isinstance(step.settings, LazyReflectionSettings)
    assert step.settings.demands == ()
    assert "demands" not in step.identity
    return step.settings.because


def demands(*overrides: str) -> list[dict[str, Any]]:
    return list(reflections(*overrides).identity["demands"])


def test_the_default_asks_for_what_traces_and_quality_report_need() -> None:
    counted, built = sorted(demands(), key=lambda one: one["limited"])
    assert (built["limited"], built["probe"], built["trace"]["max_tokens"]) == (True, 0.0, 2048)
    assert (counted["limited"], counted["probe"], counted["prompts"]) == (False, 0.125, "")
    assert "max_tokens" not in counted["trace"]
    assert "builders" not in built["trace"]


def test_without_a_quality_step_there_is_no_probe() -> None:
    (built,) = demands("method=headline")
    assert built["probe"] == 0.0


def test_steps_with_settings_of_their_own_are_all_served() -> None:
    other = "{stage: traces, model: base, questions: questions.sft, attempts: attempts, reflections: reflections"
    asked = demands(
        "method=headline", f"+method.short={other}, l_max: 2}}", f"+method.same={other}, max_per_question: 1}}"
    )
    assert sorted(one["trace"]["l_max"] for one in asked) == [2, 5]


def test_mode_all_asks_for_everything_and_its_artifact_is_that_of_a_fallback() -> None:
    whole = reflections("reflect.mode=all")
    assert not isinstance(whole.settings, LazyReflectionSettings)
    assert "mode" not in whole.identity["reflect"]
    assert whole.identity == reflections("trace=each_length").identity
    assert whole.identity != reflections().identity


@pytest.mark.parametrize(
    ("overrides", "step"),
    [
        (("trace=each_length",), "quality"),
        (("trace.recipe=algorithm1+*C",), "quality"),
        (("method=planning",), "traces"),
        (("method=headline", "trace.recipe=my_lab.recipes:MISTAKES_FIRST"), "traces"),
    ],
)
def test_a_step_that_does_not_say_what_it_needs_gets_everything(
    overrides: tuple[str, ...], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend("examples/my_lab")
    assert because(*overrides) == f"step {step!r} does not say which it needs"


def test_a_step_that_counts_tokens_as_another_model_gets_everything() -> None:
    other = "{stage: traces, model: star_sft_1, questions: questions.sft, attempts: attempts, reflections: reflections}"
    assert because("method=headline", f"+method.other={other}") == "step 'other' does not say which it needs"


def test_reflections_that_nothing_reads_are_on_everything() -> None:
    assert because("method=silver", "method.reflections.mode=lazy") == "no step of the method reads them"
    assert not isinstance(reflections("method=silver").settings, LazyReflectionSettings)


def test_a_mode_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"^reflect\.mode: 'lasy' is not one of lazy, all; did you mean 'lazy'\?$"):
        load(["reflect.mode=lasy"])
