"""Hands what was rendered to the command, or to the Ray cluster, that runs it."""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sfray.config.validation import ConfigError
from sfray.deploy import kuberay
from sfray.deploy.job import DRIVER, ENVIRONMENT, Job
from sfray.deploy.rendered import manifests, rendered
from sfray.errors import TRY_AGAIN
from sfray.progress import console

_LOOK_SECONDS = 5.0


class NotSent(RuntimeError):
    """The command that takes a job failed, or is not there."""


class NotChecked(RuntimeError):
    """The check on the cluster did not come to an end."""

    exit_status = TRY_AGAIN


class CheckRefused(ValueError):
    """The check on the cluster refused the config."""


def preview(made: Job) -> str:
    """What :func:`send` would send, as text."""
    if made.config.deploy.submit == "jobs":
        request = {"address": made.config.deploy.address, **request_for(made)}
        return yaml.safe_dump(request, sort_keys=False, width=120)
    return rendered(made)


def send(made: Job) -> None:
    """Sends a job to where ``deploy.submit`` says.

    Raises:
        ManifestRefused: What was rendered breaks a rule.
        CheckRefused: The cluster refused the config.
        NotChecked: The cluster did not say in time.
        NotSent: The command failed.
    """
    how = made.config.deploy.submit
    if how == "jobs":
        _to_ray(made)
    elif how == "kubectl":
        _to_kubernetes(made)
    elif how == "sbatch":
        console.print(_run(["sbatch"], rendered(made)).strip(), markup=False)
    else:
        _to_docker(made)


def request_for(made: Job) -> dict[str, Any]:
    """What the Jobs API is asked for.

    Raises:
        ConfigError: There is no code to send.
    """
    variables = dict(ENVIRONMENT)
    environment: dict[str, Any] = {"env_vars": variables}
    if made.code_folder is not None:
        variables["PYTHONPATH"] = made.code_folder
    elif made.code_archive is not None:
        environment["working_dir"] = made.code_archive
    elif Path("sfray", "cli").is_dir():
        environment["working_dir"] = str(Path.cwd())
    else:
        raise ConfigError(["deploy.code: must be given, or the job sent from a checkout of sfray"])
    return {
        "entrypoint": shlex.join([*DRIVER, *made.overrides]),
        "runtime_env": environment,
        "metadata": {"name": made.name},
    }


def _to_ray(made: Job) -> None:
    from ray.job_submission import JobSubmissionClient

    address = str(made.config.deploy.address)
    try:
        name = JobSubmissionClient(address).submit_job(**request_for(made))
    except ConnectionError as error:
        raise NotSent(f"deploy.address = {address}: {error}") from error
    console.print(f"{name}: `ray job logs --address {address} --follow {name}` shows it", markup=False)


def _to_docker(made: Job) -> None:
    """Starts the containers and stays with them. The token is this call's own, unless the environment has one."""
    token = {"RAY_AUTH_TOKEN": os.environ.get("RAY_AUTH_TOKEN") or secrets.token_hex(32)}
    command = ["docker", "compose", "--project-directory", ".", "--file", "-", "up", "--exit-code-from", "run"]
    _run(command, rendered(made), token, shown=True)


def _to_kubernetes(made: Job) -> None:
    found = manifests(made)
    for manifest in found:
        if manifest["kind"] == "Job":
            _check(made, manifest)
    text = kuberay.to_yaml([m for m in found if m["kind"] != "Job"])
    console.print(_run([*_kubectl(made), "create", "--filename", "-"], text).strip(), markup=False)


def _check(made: Job, manifest: Mapping[str, Any]) -> None:
    """Runs the check on the cluster, before anything with GPUs is made there."""
    name, kubectl = manifest["metadata"]["name"], _kubectl(made)
    _run([*kubectl, "delete", "job", name, "--ignore-not-found"])
    _run([*kubectl, "create", "--filename", "-"], kuberay.to_yaml([dict(manifest)]))
    console.print(f"{name}: checking the config on the cluster", markup=False)
    ended = time.monotonic() + made.limits.start + 60
    while time.monotonic() < ended:
        state = _run([*kubectl, "get", "job", name, "--output", _CONDITIONS])
        if "Complete=" in state:
            return
        if "Failed=" in state:
            said = _run([*kubectl, "logs", f"job/{name}", "--tail=40"]).strip()
            if "Failed=PodFailurePolicy" in state:
                raise CheckRefused(f"{name}: the config is refused on the cluster:\n{said}")
            raise NotChecked(f"{name}: the check failed ({state.strip()}):\n{said}")
        time.sleep(_LOOK_SECONDS)
    raise NotChecked(f"{name}: no answer after deploy.start_minutes = {made.config.deploy.start_minutes:g}")


_CONDITIONS = 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type}={.reason} {end}'


def _kubectl(made: Job) -> list[str]:
    namespace = made.config.deploy.namespace
    return ["kubectl", *(["--namespace", namespace] if namespace else [])]


def _run(command: Sequence[str], text: str = "", more: Mapping[str, str] | None = None, shown: bool = False) -> str:
    """Runs a command with a text at its input; returns what it printed, unless it is shown as it comes."""
    environment = {**os.environ, **(more or {})}
    try:
        done = subprocess.run(command, input=text, env=environment, text=True, check=False, capture_output=not shown)
    except FileNotFoundError as error:
        raise NotSent(f"{command[0]}: not installed here, deploy.submit asks for it") from error
    if done.returncode:
        raise NotSent(f"{shlex.join(command)} ended with status {done.returncode}: {(done.stderr or '').strip()}")
    return done.stdout or ""
