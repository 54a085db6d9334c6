"""How a run is handed to a cluster: what ``sfray render`` and ``sfray submit`` read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from sfray.config.marks import ABOVE_ZERO, AT_LEAST_ONE, NOT_NEGATIVE, OneOf

LAUNCHERS = ("kuberay", "slurm", "compose")
"""What a cluster can be rendered for."""

SUBMITTERS = ("kubectl", "jobs", "sbatch", "docker")
"""Who takes what was rendered: a command, or (``jobs``) the Jobs API of a Ray cluster that is there already."""

KINDS = ("RayJob", "RayCluster")
"""A cluster that comes and goes with one job, or one that stays and takes jobs."""


@dataclass(frozen=True)
class DeployConfig:
    """Where a run's cluster comes from. Nothing here changes what the run makes.

    Attributes:
        launcher: ``kuberay``, ``slurm`` or ``compose``.
        submit: Who ``sfray submit`` hands the job to.
        address: Of the dashboard of the cluster that ``submit=jobs`` sends to, ``http://HOST:8265``.
        kind: ``RayJob`` for a cluster of the job's own, ``RayCluster`` for a standing one (KubeRay only).
        name: Of the job; null for the run's name, written as Kubernetes takes it.
        namespace: Of Kubernetes; null for the one that is set in ``kubectl``.
        registry: Where nodes pull the image from; an empty text for an image that was loaded onto the nodes.
        image: Image and tag; null for ``sfray`` of this version.
        pull_secrets: Names of the secrets for the registry.
        code: Where nodes find sfray's code: an absolute path on the shared storage, or the address of an archive.
        claim: Name of the volume claim (compose: of the volume) for shared storage.
        mount: Where shared storage is mounted; ``run.dir`` lies below it.
        service_account: Of the pods; null for the namespace's default.
        queue: Kueue's local queue; null without Kueue.
        priority: Kueue's workload priority class.
        tolerations: Taints that GPU pods accept, ``key=value:Effect`` or ``key:Effect``, as ``kubectl taint`` has them.
        node_selector: Labels of the nodes for GPU pods.
        hub_secret: Secret whose key ``token`` is the hub's; null without one.
        auth_secret: Secret whose key ``auth_token`` is Ray's; null lets the operator make one for each cluster.
        gpu_resource: What the cluster calls a GPU.
        gpus_per_node: Null for what the stages need: ``grpo.ranks_per_node``, else at most 8.
        node_cpus: CPUs that one node has to give; null where that is not known.
        node_memory_gib: Memory that one node has to give; null where that is not known.
        parameters_billion: Of the model; null to read it from the model's folder or its name.
        storage_gib_per_second: How fast a node writes to shared storage, for the time a checkpoint takes.
        retries: New clusters (slurm, compose: new attempts) after a failure that another try may not meet.
        start_minutes: How long nodes may take to come, the pulling of the image included.
        hours: How long the job may run, all its retries together; null for its starts and what its plan says at most,
            see :func:`sfray.deploy.deadline.deadline`.
        keep_minutes: How long a finished cluster stays for a look at it.
        partition: Slurm's.
        account: Slurm's.
        setup: Lines that a Slurm job runs on its first node before Ray starts, to enter the environment.
    """

    launcher: Annotated[str, OneOf(LAUNCHERS)] = "kuberay"
    submit: Annotated[str, OneOf(SUBMITTERS)] = "kubectl"
    address: str | None = None
    kind: Annotated[str, OneOf(KINDS)] = "RayJob"
    name: str | None = None
    namespace: str | None = None
    registry: str | None = None
    image: str | None = None
    pull_secrets: list[str] = field(default_factory=list)
    code: str | None = None
    claim: str = "sfray-runs"
    mount: str = "/shared"
    service_account: str | None = None
    queue: str | None = None
    priority: str | None = None
    tolerations: list[str] = field(default_factory=list)
    node_selector: dict[str, str] = field(default_factory=dict)
    hub_secret: str | None = "hugging-face"  # noqa: S105 - the name of one
    auth_secret: str | None = None
    gpu_resource: str = "nvidia.com/gpu"
    gpus_per_node: Annotated[int | None, AT_LEAST_ONE] = None
    node_cpus: Annotated[int | None, AT_LEAST_ONE] = None
    node_memory_gib: Annotated[float | None, ABOVE_ZERO] = None
    parameters_billion: Annotated[float | None, ABOVE_ZERO] = None
    storage_gib_per_second: Annotated[float, ABOVE_ZERO] = 0.5
    retries: Annotated[int, NOT_NEGATIVE] = 3
    start_minutes: Annotated[float, ABOVE_ZERO] = 30.0
    hours: Annotated[float | None, ABOVE_ZERO] = None
    keep_minutes: Annotated[float, NOT_NEGATIVE] = 10.0
    partition: str | None = None
    account: str | None = None
    setup: list[str] = field(default_factory=list)
