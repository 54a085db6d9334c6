"""A job as a batch script for Slurm: Ray over one allocation, by ``ray symmetric-run``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from sfray.deploy.job import CHECK, ENVIRONMENT, Job
from sfray.deploy.needs import GIB
from sfray.errors import REFUSED, TRY_AGAIN

_TEMPLATE = Path(__file__).with_name("slurm.sh.jinja")

_ENDING_SECONDS = 30
"""Between the driver's end and Slurm's kill: Ray stops meanwhile."""


def script(job: Job, header: Sequence[str] = ()) -> str:
    """The batch script.

    Args:
        job: What to run; ``deploy.setup`` enters the environment that has sfray's packages.
        header: Lines of comment.
    """
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 - not HTML
    worker = job.shape.worker
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        header=header,
        options=list(_options(job)),
        setup=job.config.deploy.setup,
        folder=shlex.quote(job.code_folder) if job.code_folder else '"$SLURM_SUBMIT_DIR"',
        environment=ENVIRONMENT,
        check=shlex.join([*CHECK, *job.overrides]),
        nodes=job.shape.workers,
        cpus=worker.cpus,
        gpus=worker.gpus,
        store=worker.object_store * GIB,
        overrides=shlex.join(job.overrides),
        start_seconds=job.limits.start,
        retries=job.limits.retries,
        refused=REFUSED,
        try_again=TRY_AGAIN,
    )


def _options(job: Job) -> Iterator[str]:
    """Options of ``sbatch``. The driver works on the first node, so that all nodes have room for it."""
    deploy, worker, head, limits = job.config.deploy, job.shape.worker, job.shape.head, job.limits
    values: dict[str, object] = {
        "job-name": job.name,
        "partition": deploy.partition,
        "account": deploy.account,
        "nodes": job.shape.workers,
        "ntasks-per-node": 1,
        "cpus-per-task": worker.cpus + head.cpus,
        "gpus-per-node": worker.gpus or None,
        "mem": f"{worker.memory + head.used}G",
        "tmp": f"{worker.scratch}G",
        "time": _clock(limits.run.seconds),
        # To the script alone, which tells the driver.
        "signal": f"B:TERM@{limits.grace + _ENDING_SECONDS}",
        "open-mode": "append",
        "output": f"{job.name}-%j.log",
    }
    yield from (f"--{name}={value}" for name, value in values.items() if value is not None)
    # `ray symmetric-run` ends with `ray stop`, which ends every Ray of its user on the node.
    yield "--exclusive"
    yield "--requeue"


def _clock(seconds: int) -> str:
    minutes = seconds // 60
    return f"{minutes // 1440}-{minutes // 60 % 24:02d}:{minutes % 60:02d}:00"
