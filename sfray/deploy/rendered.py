"""A job as text for its launcher, judged before it is printed."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from sfray.deploy import compose, kuberay, slurm
from sfray.deploy.fault import Fault
from sfray.deploy.job import Job, table
from sfray.deploy.rules import faults
from sfray.deploy.schema import operator


class ManifestRefused(ValueError):
    """A manifest breaks the schema or a rule of the operator, or its sums do not work out."""

    def __init__(self, found: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, found)))
        self.faults = list(found)


def rendered(made: Job) -> str:
    """The text for ``deploy.launcher``.

    Raises:
        ManifestRefused: It breaks a rule.
    """
    launcher = made.config.deploy.launcher
    if launcher == "slurm":
        return slurm.script(made, _header(made, "sbatch"))
    if launcher == "compose":
        text = yaml.safe_dump(compose.project(made), sort_keys=False, width=120)
        return "".join(f"# {line}\n" for line in _header(made, "docker compose")) + text
    return kuberay.to_yaml(manifests(made), [*_header(made, "kubectl"), f"Checked for KubeRay {operator()}."])


def manifests(made: Job) -> list[kuberay.Manifest]:
    """The manifests for Kubernetes.

    Raises:
        ManifestRefused: One breaks a rule.
    """
    found = kuberay.manifests(made)
    if wrong := [fault for manifest in found for fault in faults(manifest, made)]:
        raise ManifestRefused(wrong)
    return found


def _header(made: Job, taker: str) -> list[str]:
    worker = made.shape.worker
    node = f"{worker.gpus} GPUs, {worker.cpus} CPUs, {worker.memory} GiB ({worker.shm} of them /dev/shm)"
    command = f"sfray render {made.config.deploy.launcher}"
    ends = [made.deadline] if made.deadline else []
    return [f"Written by `{command}` for {taker}: {made.shape.workers} x {node}", *table(made), *ends]
