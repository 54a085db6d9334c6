"""A job as a file for Docker Compose: on one machine, a container for each node of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sfray.deploy.job import CHECK, DRIVER, ENVIRONMENT, Job
from sfray.deploy.needs import GIB
from sfray.deploy.shape import Node

Service = dict[str, Any]

AUTHENTICATION = "ray-token"
"""Name of a secret: what is in the variable ``RAY_AUTH_TOKEN`` of the shell that starts it."""

_HEAD = "head"
_RAYLET = "import urllib.request as r; r.urlopen('http://localhost:52365/api/local_raylet_healthz', timeout=5)"


def project(job: Job) -> dict[str, Any]:
    """The file's content."""
    nodes = {f"worker-{i + 1}": _worker(job, i) for i in range(job.shape.workers)}
    ready = {name: {"condition": "service_healthy"} for name in (_HEAD, *nodes)}
    run = {
        **_service(job, Node(0, 1, 2, 0, 0, 0, 2, 0)),
        "command": _literal(["ray", "job", "submit", f"--address=http://{_HEAD}:8265", "--", *DRIVER, *job.overrides]),
        "depends_on": ready,
        # A refused job is stopped, not failed, so that it is not tried again.
        "restart": f"on-failure:{job.limits.retries}",
    }
    return {
        "name": job.name,
        "services": {"check": _check(job), _HEAD: _head(job), **nodes, "run": run},
        "volumes": {job.config.deploy.claim: {}},
        "secrets": {AUTHENTICATION: {"environment": "RAY_AUTH_TOKEN"}},
    }


def _check(job: Job) -> Service:
    """A config that is refused starts no other container."""
    return {**_service(job, Node(0, 1, 4, 0, 0, 0, 4, 0)), "command": _literal([*CHECK, *job.overrides])}


def _head(job: Job) -> Service:
    node = job.shape.head
    start = ["ray", "start", "--head", "--block", "--num-cpus=0", "--dashboard-host=0.0.0.0"]
    return {
        **_service(job, node),
        "command": [*start, f"--object-store-memory={node.object_store * GIB}"],
        "depends_on": {"check": {"condition": "service_completed_successfully"}},
        "healthcheck": _health(["ray", "health-check", "--address=localhost:6379"], job),
    }


def _worker(job: Job, number: int) -> Service:
    node = job.shape.worker
    start = ["ray", "start", f"--address={_HEAD}:6379", "--block", f"--num-cpus={node.cpus}", f"--num-gpus={node.gpus}"]
    service: Service = {
        **_service(job, node),
        "command": [*start, f"--object-store-memory={node.object_store * GIB}"],
        "depends_on": {_HEAD: {"condition": "service_healthy"}},
        "healthcheck": _health(["python", "-c", _RAYLET], job),
    }
    if node.gpus:
        numbers = [str(number * node.gpus + i) for i in range(node.gpus)]
        device = {"driver": "nvidia", "device_ids": numbers, "capabilities": ["gpu"]}
        service["deploy"] = {"resources": {"reservations": {"devices": [device]}}}
    return service


def _service(job: Job, node: Node) -> Service:
    deploy = job.config.deploy
    environment = {
        **ENVIRONMENT,
        "HF_HOME": f"{deploy.mount.rstrip('/')}/huggingface",
        # Without a token the head runs whatever anybody sends who reaches it.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": f"/run/secrets/{AUTHENTICATION}",
        "RAY_JOB_STOP_WAIT_TIME_S": str(job.limits.grace),
    }
    volumes = [f"{deploy.claim}:{deploy.mount}"]
    if job.code_folder is not None:
        environment["PYTHONPATH"] = job.code_folder
        volumes.append(f".:{job.code_folder}:ro")
    return {
        "image": job.image,
        "environment": environment,
        "volumes": volumes,
        "secrets": [AUTHENTICATION],
        "mem_limit": f"{node.memory}g",
        **({"shm_size": f"{node.shm}g"} if node.shm else {}),
        "stop_grace_period": f"{job.limits.grace}s",
    }


def _health(command: Sequence[str], job: Job) -> dict[str, Any]:
    return {
        "test": ["CMD", *command],
        "interval": "5s",
        "timeout": "10s",
        "retries": 3,
        "start_period": f"{job.limits.start}s",
    }


def _literal(command: Sequence[str]) -> list[str]:
    """A command whose dollars are not for Compose."""
    return [word.replace("$", "$$") for word in command]
