"""The whole pipeline on two nodes, each in a network of its own, beside the same on one.

    sudo python -m benchmarks.two_nodes                   # experiment=smoke
    sudo python -m benchmarks.two_nodes grpo.steps=6      # with further settings, for both runs

A head without CPUs and two nodes, as the rendered manifests have them, each in a Linux network namespace (``ip netns``,
which needs root), joined by a bridge: no node reaches another but by its address. They share the disk, as nodes of a
cluster share ``run.dir``. Engines, builders, SFT's workers and GRPO's ranks (rollout, actor and, for its KL term, the
reference) are two of each. Where the processes worked is read from the kernel while they do. GRPO starts from the base:
what so little fine-tuning leaves earns no reward, and two curves of zeros would show nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from benchmarks.result import result as of
from sfray.progress import console

HEAD, WORKERS = "sfray-head", ("sfray-one", "sfray-two")
NODES = (HEAD, *WORKERS)
"""Network namespaces, the head's first."""

BRIDGE, SUBNET, PORT = "sfray-bridge", "10.77.0", 6379
"""The bridge between them, their addresses, and the head's port."""

CPUS, OBJECTS = 8, 150 << 20
"""Logical CPUs of each node that is not the head, and bytes of its object store."""

SETTINGS = (
    "experiment=smoke",
    "engine.actors=2",
    "trace.builders=2",
    "sft.workers=2",
    "sft.batch=4",
    "method.grpo.model=base",
    "grpo.steps=4",
    "grpo.max_response=64",
    "grpo.kl_coef=0.001",
)
"""Of both runs: two of everything."""

TWO = (
    "cluster=job",
    f"cluster.address={SUBNET}.10:{PORT}",
    "cluster.wait_minutes=1",
    "sft.cpus_per_worker=5",  # no node has room for both
    "grpo.nodes=2",
)
ONE = ("cluster.num_cpus=4", "grpo.ranks_per_node=2")

ENVIRONMENT = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Nodes of a cluster have no neighbour that needs the processor.
    "RAY_worker_niceness": "0",
    "RAY_prestart_worker_first_driver": "0",
}
SPREAD = ("MapWorker", "RayTrainWorker", "WorkerDict", "vLLMHttpServer")
"""Beginnings of the titles of what works on both nodes: engines, SFT's workers, GRPO's actors and rollouts."""

LAUNCH = Path(__file__).parents[1] / "launch.py"


@contextmanager
def networks() -> Iterator[None]:
    """The namespaces, with a bridge between them; removed in the end."""
    try:
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("link", "set", BRIDGE, "up")
        for number, node in enumerate(NODES):
            _ip("netns", "add", node)
            _ip("link", "add", f"sfray-{number}", "type", "veth", "peer", "name", "eth0", "netns", node)
            _ip("link", "set", f"sfray-{number}", "master", BRIDGE, "up")
            _ip("-n", node, "addr", "add", f"{address(node)}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", node, "link", "set", device, "up")
        yield
    finally:
        for node in NODES:
            _ip("netns", "del", node, check=False)
        _ip("link", "del", BRIDGE, check=False)


def address(node: str) -> str:
    """A node's address."""
    return f"{SUBNET}.{10 + NODES.index(node)}"


def _ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], check=check, capture_output=not check)


def within(node: str, *command: str) -> list[str]:
    """A command as it is run on a node, which knows its own name by its own address."""
    names = f"127.0.0.1 localhost\\n{address(node)} %s\\n"
    named = f"printf '{names}' $(hostname) > $0; mount --bind $0 /etc/hosts; exec \"$@\""
    hosts = str(Path(tempfile.gettempdir()) / f"{node}-hosts")
    return ["ip", "netns", "exec", node, "unshare", "--mount", "sh", "-c", named, hosts, *command]


@contextmanager
def ray_cluster(temporary: Path) -> Iterator[None]:
    """A head and two nodes; all of their processes have ended afterwards."""
    ray = [
        sys.executable,
        "-m",
        "ray.scripts.scripts",
        "start",
        "--disable-usage-stats",
        f"--object-store-memory={OBJECTS}",
    ]
    head = [f"--node-ip-address={address(HEAD)}", "--head", f"--port={PORT}", "--num-cpus=0", f"--temp-dir={temporary}"]
    try:
        subprocess.run(
            within(HEAD, *ray, *head, "--include-dashboard=false"),
            check=True,
            env=os.environ | ENVIRONMENT,
            capture_output=True,
        )
        for node in WORKERS:
            joins = [f"--node-ip-address={address(node)}", f"--address={address(HEAD)}:{PORT}"]
            logical = [f"--num-cpus={CPUS}", "--num-gpus=1"]  # verl counts ranks in GPUs, also where there are none
            subprocess.run(
                within(node, *ray, *joins, *logical), check=True, env=os.environ | ENVIRONMENT, capture_output=True
            )
        yield
    finally:
        for process in _inside():
            process.kill()


def _inside() -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if node_of(process.pid)]


def node_of(pid: int) -> str | None:
    """The node that a process is on; None where it is on none of them, or gone."""
    try:
        network = Path(f"/proc/{pid}/ns/net").stat().st_ino
    except OSError:
        return None
    return next(
        (n for n in NODES if Path("/run/netns", n).exists() and Path("/run/netns", n).stat().st_ino == network), None
    )


class Placement(threading.Thread):
    """Looks where Ray's workers are, every second."""

    def __init__(self) -> None:
        """Has seen nothing yet."""
        super().__init__(daemon=True)
        self.seen: dict[str, set[str]] = defaultdict(set)
        self.stopped = threading.Event()

    def run(self) -> None:
        """Looks until it is stopped."""
        while not self.stopped.wait(1.0):
            for process in psutil.process_iter(["cmdline"]):
                title = " ".join(process.info["cmdline"] or [])
                if title.startswith("ray::") and "IDLE" not in title and (node := node_of(process.pid)):
                    self.seen[title.removeprefix("ray::").strip()].add(node)


def piped(folder: Path, overrides: list[str], node: str | None) -> float:
    """Runs the pipeline, on a node or outside of them; returns its seconds."""
    command = [sys.executable, str(LAUNCH), *SETTINGS, *overrides, f"run.dir={folder}", "run.name=run"]
    began = time.monotonic()
    subprocess.run(within(node, *command) if node else command, check=True, env=os.environ | ENVIRONMENT)
    return round(time.monotonic() - began, 1)


def left(run: Path) -> dict[str, str]:
    """Step -> a hash of what it left: its rows, or its model's weights."""
    found = {}
    for step in sorted(path for path in run.iterdir() if (path / "manifest.json").exists()):
        # Not the bytes of a part: it also holds the fingerprint of its artifact, which grpo.nodes is part of.
        rows = [row for part in sorted(step.glob("part-*.parquet")) for row in pq.read_table(part).to_pylist()]
        weights = [file.read_bytes() for file in sorted(step.glob("model/*.safetensors"))]
        if rows or weights:
            found[step.name] = hashlib.sha256(b"".join([json.dumps(rows).encode(), *weights])).hexdigest()
    return found


def curve(run: Path) -> list[float]:
    """GRPO's reward, step by step."""
    lines = (run / "grpo" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["reward"] for line in lines]


def compare(folder: Path, extra: list[str]) -> dict[str, Any]:
    """Both runs: what is the same, where the processes were, and the curves."""
    with networks(), ray_cluster(folder / "ray"):
        placement = Placement()
        placement.start()
        seconds = {"two": piped(folder / "two", [*TWO, *extra], HEAD)}
        placement.stopped.set()
        placement.join()
    seconds["one"] = piped(folder / "one", [*ONE, *extra], None)
    two, one = left(folder / "two" / "run"), left(folder / "one" / "run")
    if not two or two.keys() != one.keys():
        raise RuntimeError(f"the runs left other steps: {sorted(two)} and {sorted(one)}")
    return {
        "same": {step: two[step] == one[step] for step in two},
        "nodes": {title: sorted(nodes) for title, nodes in sorted(placement.seen.items())},
        "rewards": {"two": curve(folder / "two" / "run"), "one": curve(folder / "one" / "run")},
        "seconds": seconds,
    }


def faults(found: Mapping[str, Any]) -> list[str]:
    """What is not as promised: another row or weight before GRPO, work on one node alone, curves without rewards."""
    wrong = [f"{step} is not the same" for step, same in found["same"].items() if not same and "grpo" not in step]
    for what in SPREAD:
        used = {node for title, nodes in found["nodes"].items() if title.startswith(what) for node in nodes}
        wrong += [f"no {what} worked on {node}" for node in WORKERS if node not in used]
    return wrong + [f"no reward, {where}" for where, rewards in found["rewards"].items() if not any(rewards)]


def main() -> None:
    """Prints what was found, and JSON; ends with status 1 where it is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", help="overrides for both runs")
    chosen = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("network namespaces need root: sudo")
    with tempfile.TemporaryDirectory(prefix="sfray-") as place:
        found = compare(Path(place), chosen.settings)
    for step, same in found["same"].items():
        console.print(f"{step:<16} {'the same' if same else 'differs'}", markup=False)
    for title, nodes in found["nodes"].items():
        console.print(f"{title:<60} {' '.join(nodes)}", markup=False)
    for where, rewards in found["rewards"].items():
        console.print(f"reward, {where:<4} {' '.join(f'{reward:.3f}' for reward in rewards)}", markup=False)
    print(json.dumps(of("two_nodes", found), indent=2))
    if problems := faults(found):
        raise SystemExit("\n".join(problems))


if __name__ == "__main__":
    main()
