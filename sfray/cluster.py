"""The Ray cluster a run works on: a local one, or the one it was submitted to."""

from __future__ import annotations

import logging
import math
import os
import re
import secrets
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from sfray.config import ClusterConfig
from sfray.errors import REFUSED, TRY_AGAIN, unwind_on_sigterm
from sfray.progress import console

_QUIET = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Worker processes that are not needed yet cost a laptop seconds of its two cores.
    "RAY_prestart_worker_first_driver": "0",
    # Ray lowers its workers' priority: anything else on a laptop would starve them.
    "RAY_worker_niceness": "0",
    # Ray Data's thread outlives the cluster of a driver that is ended, and would start another one.
    "RAY_ENABLE_AUTO_CONNECT": "0",
}


ANSWER_SECONDS = 10.0
"""How long the address of a cluster may take to answer; Ray itself would wait for a dead one without a word."""

LOOK_SECONDS = 120.0
"""How long the nodes may take to look for a file: each may have to start a worker."""

_HOST_PORT = re.compile(r"(?:ray://)?([^\s:/]+):(\d+)")


class NoCluster(RuntimeError):
    """The address of the cluster does not lead to one."""

    exit_status = TRY_AGAIN


class NotShared(RuntimeError):
    """A node does not see the storage of the runs."""

    exit_status = REFUSED


class NoRoom(RuntimeError):
    """The nodes that are alive are too few or too small for a step."""

    exit_status = TRY_AGAIN


def chosen_address(config: ClusterConfig) -> str:
    """Where Ray will be looked for: ``RAY_ADDRESS`` overrules ``cluster.address=local``."""
    return os.environ.get("RAY_ADDRESS") or config.address if config.address == "local" else config.address


def require_answer(config: ClusterConfig, seconds: float = ANSWER_SECONDS) -> None:
    """Asks whether anything that could be a Ray cluster answers at the address.

    Raises:
        NoCluster: Nothing does within ``seconds``, or what answers is a web server, as Ray's dashboard is.
    """
    address = chosen_address(config)
    source = "cluster.address" if address == config.address else "the environment's RAY_ADDRESS"
    remedy = "Unset it, or name the head's own port (6379 by default)" if "RAY" in source else "Name a running cluster"
    if address.startswith(("http://", "https://")):
        raise NoCluster(f"{source} = {address} is the address of a dashboard, not of a cluster. {remedy}")
    if not (found := _HOST_PORT.fullmatch(address)):
        return
    try:
        with socket.create_connection((found[1], int(found[2])), timeout=seconds) as connection:
            web = _speaks_http(connection)
    except OSError as error:
        raise NoCluster(f"{source} = {address}: nothing answers there ({error}). {remedy}") from error
    if web:
        raise NoCluster(f"{source} = {address}: a web server answers there, Ray's dashboard perhaps. {remedy}")


def _speaks_http(connection: socket.socket) -> bool:
    """Whether a web server is at the other end; Ray's own port speaks another protocol or says nothing."""
    connection.settimeout(1.0)
    try:
        connection.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
        return connection.recv(7) == b"HTTP/1."
    except OSError:
        return False


def prepare() -> None:
    """Sets what Ray reads from the environment when it is imported, or when a node of it starts."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def connect(config: ClusterConfig) -> None:
    """Joins or starts Ray; does nothing when connected already.

    Inside a Ray job the job's own cluster is joined, also with ``cluster.address=local``.

    Raises:
        NoCluster: The address does not lead to a cluster.
    """
    prepare()
    import ray

    if ray.is_initialized():
        return
    address = chosen_address(config)
    folder = local_folder()
    if address == "local":
        remove_old_sessions(folder)
        ray.init(
            address="local",
            num_cpus=config.num_cpus,
            num_gpus=config.num_gpus,
            object_store_memory=int(config.object_store_gib * 2**30),
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            # Unix sockets live in here and their paths have a limit of 107 bytes.
            _temp_dir=str(folder),
        )
    else:
        require_answer(config)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    unwind_on_sigterm()  # in place of Ray's own handler, which exits with a status that is no signal's
    quiet_ray_data()
    resources = {k: v for k, v in ray.cluster_resources().items() if k in ("CPU", "GPU")}
    console.print(f"ray {ray.__version__}: {len(nodes())} node(s), {resources}")


def remove_old_sessions(folder: Path) -> list[Path]:
    """Removes what local clusters left that have ended: Ray keeps the logs of each session for ever.

    Args:
        folder: Ray's temporary folder; only sfray's own local clusters write there, each named by its driver's id.

    Returns:
        The folders that were removed.
    """
    ended = [p for p in folder.glob("session_*_*") if p.is_dir() and not p.is_symlink() and not _driver_lives(p)]
    for path in ended:
        shutil.rmtree(path, ignore_errors=True)  # its last processes may still be on their way out
    return ended


def _driver_lives(session: Path) -> bool:
    number = session.name.rpartition("_")[2]
    return not number.isdigit() or psutil.pid_exists(int(number))


def on_local_disk(run_dir: str) -> str | None:
    """Why a run's folder does not outlive the Ray job around it; None when nothing says so.

    A job works in its own copy of the code, on the local disk of one node.
    """
    if Path(run_dir).is_absolute() or "RAY_JOB_CONFIG_JSON_ENV_VAR" not in os.environ:
        return None
    return (
        f"run.dir: {run_dir!r} is relative: it lies in this job's copy of the code, {Path(run_dir).resolve()}, "
        f"which no other node sees and Ray clears away; name storage that all nodes share"
    )


def logs() -> Path | None:
    """Folder of the logs of Ray's processes on this node; None where Ray is not in use, or no node of it is here."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return None
    node = ray._private.worker.global_worker.node
    return Path(node.get_logs_dir_path()) if node else None


def local_folder() -> Path:
    """Ray's temporary folder of local clusters."""
    return Path(tempfile.gettempdir(), f"sfray-{os.getuid()}")


def nodes() -> list[dict[str, float]]:
    """What each node of the connected cluster has that is alive: ``CPU``, ``GPU`` and Ray's other resources."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def room(alive: Sequence[Mapping[str, float]], cpus: float = 0.0, gpus: float = 0.0) -> int:
    """How many units of so many CPUs and GPUs the nodes hold, each unit whole on one node.

    Args:
        alive: What each node has, as :func:`nodes` gives it.
        cpus: Of a unit.
        gpus: Of a unit.

    Raises:
        ValueError: A unit takes nothing.
    """
    wanted = [(name, amount) for name, amount in (("CPU", cpus), ("GPU", gpus)) if amount > 0]
    if not wanted:
        raise ValueError("a unit that takes neither CPUs nor GPUs fits any number of times")
    # A third of a CPU fits three times, whatever floats make of it.
    return sum(min(math.floor(node.get(name, 0.0) / amount + 1e-9) for name, amount in wanted) for node in alive)


def require_shared(folder: Path) -> None:
    """Writes a file here and looks for it on every node that is alive.

    Args:
        folder: Where runs lie.

    Raises:
        NotShared: A node does not see it; names the nodes.
    """
    if len(nodes()) < 2:
        return
    folder.mkdir(parents=True, exist_ok=True)
    token = folder / f".seen-{secrets.token_hex(8)}"
    token.touch()
    try:
        blind = sorted(address for address, sees in _looked_for(token).items() if not sees)
    finally:
        token.unlink()
    if blind:
        raise NotShared(
            f"run.dir: {folder} is not the same on all nodes: what {socket.gethostname()} wrote there is not seen on "
            f"{', '.join(blind)}. Name storage that all nodes share"
        )


def _looked_for(file: Path) -> dict[str, bool]:
    """Address of each node that is alive -> whether a file is there."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(num_cpus=0)(os.path.exists)
    found = {
        node["NodeManagerAddress"] + " " + node["NodeID"][:8]: look.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(str(file))
        for node in ray.nodes()
        if node["Alive"]
    }
    return dict(zip(found, ray.get(list(found.values()), timeout=LOOK_SECONDS), strict=True))


def require_room(config: ClusterConfig, shortfall: Callable[[Sequence[Mapping[str, float]]], str | None]) -> None:
    """Waits until the nodes that are alive have room for a step, at most ``cluster.wait_minutes``.

    Args:
        config: The settings.
        shortfall: Says of nodes why the step does not fit them.

    Raises:
        NoRoom: They have not.
    """
    deadline = time.monotonic() + config.wait_minutes * 60
    told = ""
    while problem := shortfall(nodes()):
        if time.monotonic() >= deadline:
            waited = f" after {config.wait_minutes:g} minutes" if config.wait_minutes else ""
            raise NoRoom(f"{problem}; or wait for nodes with cluster.wait_minutes (no room{waited})")
        if problem != told:
            console.print(f"waiting for nodes: {problem}", markup=False)
        told = problem
        time.sleep(min(5.0, max(deadline - time.monotonic(), 0.0)))


def quiet_ray_data() -> None:
    """Leaves progress to sfray's own bars."""
    from ray.data import DataContext

    for name in ("ray.data", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.enable_operator_progress_bars = False
    context.print_on_execution_start = False


def disconnect() -> None:
    """Leaves the cluster; a local one is stopped."""
    ray = sys.modules.get("ray")  # importing it takes seconds, also where nothing was started
    if ray is not None and ray.is_initialized():
        ray.shutdown()
