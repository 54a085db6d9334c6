"""Which Ray job is around a process."""

from __future__ import annotations

import pytest

from sfray.deploy.refusal import submission

JOB = '{"runtime_env": {}, "metadata": {"job_submission_id": "raysubmit_1", "job_name": "raysubmit_1"}}'


@pytest.mark.parametrize(("value", "name"), [(None, None), ("", None), ("{}", None), (JOB, "raysubmit_1")])
def test_the_job_is_named_by_its_environment(
    value: str | None, name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)
    if value is not None:
        monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", value)
    assert submission() == name
