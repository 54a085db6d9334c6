"""One job on a cluster, whatever launches it: derived from the config, and refused where it cannot work."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import sfray
from sfray.config import Config
from sfray.config.validation import ConfigError
from sfray.deploy.deadline import Deadline, Forecast, deadline
from sfray.deploy.needs import GIB, Need, checkpoint, needs
from sfray.deploy.shape import Shape, node_gpus, shape
from sfray.deploy.size import parameters

RAY_VERSION = "2.60.0"
"""Of the image's lock: driver and nodes must agree."""

ENVIRONMENT = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Of every process of a job."""

DRIVER = ("python", "-m", "sfray.cli", "job", "--")
"""What a cluster runs, before the overrides."""

CHECK = ("python", "-m", "sfray.cli", "check")
"""What is run before any GPU is asked for."""

_UNSAFE = re.compile(r"[^a-z0-9]+")
_TOLERATION = re.compile(r"([A-Za-z0-9][\w./-]*)(?:=([\w.-]+))?:(NoSchedule|PreferNoSchedule|NoExecute)")
_LIMITED = (("kuberay", "RayJob"), ("slurm", "RayJob"), ("slurm", "RayCluster"))
"""Launcher and kind that end a job at its deadline."""

_REMOTE = ("https://", "s3://", "gs://")
_SETTLING_SECONDS = 60
"""What a stage takes after its checkpoint to end: workers, engines and logs."""

_STEP_SECONDS = 60
"""What a step may take until its checkpoint is written."""


@dataclass(frozen=True)
class Toleration:
    """A taint that pods accept; without a value, with any."""

    key: str
    value: str | None
    effect: str


@dataclass(frozen=True)
class Limits:
    """How long each wait may take, in seconds, and how often the job is tried again.

    Attributes:
        start: For nodes to come, images to be pulled and Ray to start.
        run: For the whole job, its retries included, and how that was found.
        keep: For a finished cluster to stay.
        saving: For a stage that was told to stop to end its step and write a checkpoint.
        grace: Between being told to stop and being killed: ``saving``, and the rest of the way out.
        retries: New clusters after a failure.
    """

    start: int
    run: Deadline
    keep: int
    saving: int
    grace: int
    retries: int


@dataclass(frozen=True)
class Job:
    """Everything that a launcher is told.

    Attributes:
        name: A DNS label.
        image: Reference of the image, registry included.
        overrides: Of the run, without those that only concern its cluster.
        stages: What each stage needs.
        shape: The nodes that follow from it.
    """

    name: str
    image: str
    config: Config
    overrides: tuple[str, ...]
    stages: tuple[Need, ...]
    shape: Shape
    tolerations: tuple[Toleration, ...]
    limits: Limits

    @property
    def largest(self) -> int:
        """GPUs of the stage that uses most."""
        return max((need.total_gpus for need in self.stages), default=0)

    @property
    def total_gpus(self) -> int:
        """GPUs that the cluster holds."""
        return self.shape.workers * self.shape.worker.gpus

    @property
    def deadline(self) -> str | None:
        """Its limit in words; None where nothing ends it: Compose has none, nor has a standing cluster or its jobs."""
        deploy = self.config.deploy
        limited = deploy.submit != "jobs" and (deploy.launcher, deploy.kind) in _LIMITED
        return f"deadline: {self.limits.run.words}" if limited else None

    @property
    def code_folder(self) -> str | None:
        """Where nodes find the code, if it is a folder of theirs."""
        code = self.config.deploy.code
        return code if code is not None and code.startswith("/") else None

    @property
    def code_archive(self) -> str | None:
        """Where nodes download the code, if they do."""
        code = self.config.deploy.code
        return code if code is not None and code.startswith(_REMOTE) else None


def job(config: Config, overrides: Sequence[str], forecast: Forecast | None = None) -> Job:
    """Derives a job from a checked config.

    Args:
        config: The whole config.
        overrides: Hydra overrides that it was composed with.
        forecast: What its plan says; None where it could not be made.

    Raises:
        ConfigError: With a line for everything that would keep the job from running where it is sent.
    """
    problems = [*_places(config), *_scheduling(config)]
    size = parameters(config)
    stages = needs(config, size)
    problems += _nodes(config, stages)
    if problems:
        raise ConfigError(problems)
    found, waits = shape(config, stages, size), limits(config, size, forecast)
    deploy = config.deploy
    made = Job(
        deploy.name or dns_label(f"sfray-{config.run.name}"),
        image(config),
        config,
        (*run_overrides(overrides), *_of_the_cluster(config, waits)),
        stages,
        found,
        tuple(toleration for text in deploy.tolerations if (toleration := _toleration(text))),
        waits,
    )
    if problems := list(_sums(made)):
        raise ConfigError(problems)
    return made


def dns_label(text: str) -> str:
    """A text as a DNS label: lower case, with hyphens for everything else."""
    return _UNSAFE.sub("-", text.lower()).strip("-")


def image(config: Config) -> str:
    """The image with its registry."""
    name = config.deploy.image or f"sfray:{sfray.__version__}"
    return f"{config.deploy.registry.rstrip('/')}/{name}" if config.deploy.registry else name


def run_overrides(overrides: Sequence[str]) -> tuple[str, ...]:
    """The overrides that concern the run itself."""
    return tuple(text for text in overrides if re.split(r"[.=@]", text.lstrip("+~"), maxsplit=1)[0] != "deploy")


def _of_the_cluster(config: Config, waits: Limits) -> Iterator[str]:
    """What the run is told of where it runs."""
    if config.cluster.address == "local":
        yield "cluster.address=auto"
    if waits.saving > math.ceil(config.cluster.grace_seconds):
        yield f"cluster.grace_seconds={waits.saving}"


def limits(config: Config, size: int, forecast: Forecast | None = None) -> Limits:
    """How long each wait may take."""
    deploy = config.deploy
    writing = checkpoint(config, size) / GIB / deploy.storage_gib_per_second
    saving = max(math.ceil(config.cluster.grace_seconds), _STEP_SECONDS + math.ceil(writing / 30) * 30)
    return Limits(
        start=math.ceil(60 * deploy.start_minutes),
        run=deadline(deploy, forecast),
        keep=math.ceil(60 * deploy.keep_minutes),
        saving=saving,
        grace=saving + _SETTLING_SECONDS,
        retries=deploy.retries,
    )


def table(made: Job) -> list[str]:
    """What each stage uses of the cluster, a line for each."""
    lines = [f"{'step':<12} {'units':>5} x {'GPUs':>4} = {'GPUs':>4}   idle"]
    for need in made.stages:
        idle = 0 if need.driver else made.total_gpus - need.total_gpus
        lines.append(f"{need.stage:<12} {need.units:>5} x {need.gpus:>4} = {need.total_gpus:>4}   {idle:>4}")
    return lines


def below(path: str, folder: str) -> bool:
    """Whether an absolute path lies in a folder, told from the text alone."""
    return PurePosixPath(path).is_relative_to(folder)


def _places(config: Config) -> Iterator[str]:
    """Where the image, the code and the run's folder are."""
    deploy, mounted = config.deploy, config.deploy.launcher in ("kuberay", "compose")
    if deploy.launcher == "kuberay" and deploy.submit != "jobs":
        if deploy.registry is None:
            wanted = "where nodes pull the image from; '' for an image that was loaded onto them"
            yield f"deploy.registry: must be given: {wanted}"
        if deploy.code is None and deploy.kind == "RayJob":
            yield "deploy.code: must be given: a folder on the shared storage, or the address of an archive"
    if deploy.code is not None and not deploy.code.startswith(("/", *_REMOTE)):
        yield f"deploy.code: {deploy.code!r} is neither an absolute path nor an address: {', '.join(_REMOTE)}"
    if not deploy.mount.startswith("/"):
        yield f"deploy.mount: {deploy.mount!r} is not an absolute path"
    elif mounted and not below(config.run.dir, deploy.mount):
        yield f"run.dir: {config.run.dir!r} is not below deploy.mount = {deploy.mount}: it would go with its pod"
    elif not mounted and not config.run.dir.startswith("/"):
        yield f"run.dir: {config.run.dir!r} is relative; name storage that all nodes share by its absolute path"
    for key, path in (("model.path", config.model.path), ("prompts", config.prompts)):
        local = path.startswith(("/", ".", "~"))
        if mounted and local and not (below(path, deploy.mount) or (deploy.code and below(path, deploy.code))):
            yield f"{key}: {path!r} is not below deploy.mount = {deploy.mount}: no pod sees it"


def _scheduling(config: Config) -> Iterator[str]:
    deploy = config.deploy
    for i, text in enumerate(deploy.tolerations):
        if not _toleration(text):
            yield f"deploy.tolerations[{i}]: {text!r} is no taint: key:Effect or key=value:Effect, with {_EFFECTS}"
    if deploy.priority is not None and deploy.queue is None:
        yield f"deploy.priority: {deploy.priority!r} is a class of Kueue's, which needs deploy.queue"
    takers = _TAKERS[deploy.launcher]
    if deploy.submit not in takers:
        wanted = " or ".join(takers)
        yield f"deploy.submit: {deploy.submit} does not take what is rendered for {deploy.launcher}, but {wanted}"
    if deploy.submit == "jobs" and not (deploy.address or "").startswith(("http://", "https://")):
        yield "deploy.address: must be given with deploy.submit = jobs: that of the dashboard, http://HOST:8265"
    if deploy.hours is not None and deploy.hours * 60 <= deploy.start_minutes:
        yield f"deploy.hours: {deploy.hours:g} leave no time after deploy.start_minutes = {deploy.start_minutes:g}"


_TAKERS = {"kuberay": ("kubectl", "jobs"), "slurm": ("sbatch", "jobs"), "compose": ("docker", "jobs")}
_EFFECTS = "NoSchedule, PreferNoSchedule or NoExecute"


def _toleration(text: str) -> Toleration | None:
    found = _TOLERATION.fullmatch(text)
    return Toleration(found[1], found[2], found[3]) if found else None


def _nodes(config: Config, stages: Sequence[Need]) -> Iterator[str]:
    """Whether the stages can be put onto nodes at all."""
    if not any(not need.driver for need in stages):
        yield "steps: none of them works on the cluster; run them here with `sfray run`"
    gpus = node_gpus(config, stages)
    if config.engine.device == "cpu" and any(need.gpus for need in stages):
        yield f"grpo.nodes: {config.grpo.nodes} with engine.device = cpu: nodes without GPUs have none to ask for"
    for need in stages:
        if need.gpus > gpus:
            what = "grpo.ranks_per_node" if need.kind == "grpo" else "engine.tensor_parallel"
            yield f"deploy.gpus_per_node: {gpus} is below {what} = {need.gpus}, which {need.stage} needs on one node"


def _sums(made: Job) -> Iterator[str]:
    """Whether nodes hold more than is used, or more than machines have."""
    deploy, worker = made.config.deploy, made.shape.worker
    if made.total_gpus > made.largest:
        each = ", ".join(f"{need.stage} {need.total_gpus}" for need in made.stages)
        held = f"{made.shape.workers} nodes x {worker.gpus} GPUs = {made.total_gpus}"
        yield f"deploy.gpus_per_node: {held}, but no stage uses more than {made.largest} ({each})"
    if deploy.node_cpus is not None and worker.cpus > deploy.node_cpus:
        yield f"deploy.node_cpus: a node needs {worker.cpus} CPUs, the machines have {deploy.node_cpus}"
    if deploy.node_memory_gib is not None and worker.memory > deploy.node_memory_gib:
        wanted = f"{worker.used} GiB for processes, {worker.shm} for /dev/shm"
        yield f"deploy.node_memory_gib: a node needs {worker.memory} GiB ({wanted}), it has {deploy.node_memory_gib:g}"
