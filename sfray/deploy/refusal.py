"""The end of a refused run inside a Ray job, so that it is not tried again."""

from __future__ import annotations

import json
import os
import time

_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"
_PATIENCE_SECONDS = 120.0


def submission() -> str | None:
    """The name of the Ray job around this process; None outside of one."""
    metadata = json.loads(os.environ.get(_JOB) or "{}").get("metadata", {})
    return metadata.get("job_submission_id")


def stop(name: str) -> None:
    """Stops the Ray job around this process, and waits to be ended with it.

    KubeRay starts a new cluster for a job that failed, whatever its exit status, but not for one that was stopped.
    """
    from ray.job_submission import JobSubmissionClient

    JobSubmissionClient().stop_job(name)
    time.sleep(_PATIENCE_SECONDS)
