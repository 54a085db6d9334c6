"""The ``segments`` stage in a method: what is refused before anything starts."""

from __future__ import annotations

import pytest

from sfray.compose import load
from sfray.config.validation import ConfigError
from sfray.graph import build
from sfray.preflight import preflight


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("method.plans.skill=planing", "method.plans.skill: no skill 'planing'; did you mean 'planning'?"),
        (
            "+method.plans.variants=[short]",
            "method.plans: prompts: skills.planning has no variant 'short'; there are default",
        ),
        (
            "method.plans.skill=reflection",
            "method.plans.skill: reflections are sampled by the reflect stage; choose another skill",
        ),
        (
            "method.results.skills=[planing]",
            "method.results.skills: no skill 'planing'; did you mean 'planning'?",
        ),
        (
            "method.traces.segments.planning=attempts",
            "method.traces.segments.planning: 'attempts' makes Attempts, not Segments, as plans",
        ),
    ],
)
def test_what_a_method_cannot_show_is_named_by_its_key(override: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(load(["method=planning", override]))
    assert caught.value.problems == [problem]


def test_a_skill_about_questions_reads_no_attempts() -> None:
    assert build(load(["method=decomposition"]))["parts"].needs == ["base", "questions"]
    assert build(load(["method=planning"]))["plans"].needs == ["base", "questions", "attempts"]


def test_a_skill_about_attempts_is_given_attempts() -> None:
    with pytest.raises(ConfigError) as caught:
        preflight(load(["method=planning", "~method.plans.attempts"]))
    wanted = "method.plans.attempts: must be given: the segments of planning speak of attempts"
    assert caught.value.problems == [wanted]
