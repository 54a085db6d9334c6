"""How long a job may run follows from its plan."""

from __future__ import annotations

import pytest

from sfray.config.deploy import DeployConfig
from sfray.deploy.deadline import Deadline, Forecast, deadline
from tests.deploy.presets import made

PLAN = Forecast(expected=5000, most=9001, source="h100, 1.65B")


def test_every_start_and_the_most_that_the_plan_expects_fit_in_it() -> None:
    config = DeployConfig(retries=3, start_minutes=30)
    words = (
        "5 h = 4 x deploy.start_minutes of 30 + 2:30 h at most (1:23 h expected; throughputs: h100, 1.65B), in whole "
        "hours; or set deploy.hours"
    )
    assert deadline(config, PLAN) == Deadline(5 * 3600, words)
    assert deadline(DeployConfig(retries=0, start_minutes=1), PLAN).seconds == 3 * 3600


def test_hours_of_the_config_overrule_the_plan() -> None:
    assert deadline(DeployConfig(hours=1.5), PLAN) == Deadline(5400, "1.5 h, as deploy.hours says")


@pytest.mark.parametrize(
    ("forecast", "known"),
    [
        (None, "could not be made"),
        (Forecast(10, 20, "x", ["distilled", "mine"]), "has no time for distilled, mine"),
    ],
)
def test_without_a_plan_there_are_96_hours_and_a_reason(forecast: Forecast | None, known: str) -> None:
    words = f"96 h: the plan {known}; set deploy.hours if you know better"
    assert deadline(DeployConfig(), forecast) == Deadline(96 * 3600, words)


@pytest.mark.parametrize(
    ("overrides", "limited"),
    [
        ([], True),
        (["deploy.kind=RayCluster"], False),
        (["deploy=slurm"], True),
        (["deploy=compose"], False),
        (["deploy.submit=jobs", "deploy.address=http://a:8265"], False),
    ],
)
def test_a_limit_is_told_only_where_somebody_keeps_it(overrides: list[str], limited: bool) -> None:
    told = made("experiment=paper/countdown_7b", *overrides, "deploy.hours=8").deadline
    assert told == ("deadline: 8 h, as deploy.hours says" if limited else None)
