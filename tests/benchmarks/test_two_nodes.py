"""Nodes in networks of their own: set up and removed again, and what counts as a fault."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.two_nodes import HEAD, NODES, SPREAD, WORKERS, address, curve, faults, left, networks, node_of, within


def can_make_networks() -> bool:
    if os.geteuid() != 0 or not shutil.which("ip"):
        return False
    made = subprocess.run(["ip", "netns", "add", "sfray-probe"], capture_output=True, check=False).returncode == 0
    subprocess.run(["ip", "netns", "del", "sfray-probe"], capture_output=True, check=False)
    return made


@pytest.mark.skipif(not can_make_networks(), reason="needs root, and a kernel with network namespaces")
def test_a_node_has_a_network_of_its_own_and_knows_its_name():
    with networks():
        for node in NODES:
            shown = subprocess.run(
                within(node, "sh", "-c", "getent hosts $(hostname); ip -4 -o addr show dev eth0"),
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            assert shown.split()[0] == address(node)
            assert f"{address(node)}/24" in shown
        with subprocess.Popen(within(WORKERS[1], "sleep", "60")) as sleeping:
            while node_of(sleeping.pid) is None:
                assert sleeping.poll() is None
            assert node_of(sleeping.pid) == WORKERS[1]
            sleeping.kill()
        assert node_of(os.getpid()) is None
    assert not [node for node in NODES if Path("/run/netns", node).exists()]


FOUND = {
    "same": {"attempts": True, "sft": True, "grpo": False, "eval_grpo": False},
    "nodes": {**{f"{title}.run": [*WORKERS] for title in SPREAD}, "Coordinator": [HEAD]},
    "rewards": {"two": [0.0, 0.5], "one": [0.0, 0.5]},
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, []),
        ({"same": FOUND["same"] | {"sft": False}}, ["sft is not the same"]),
        ({"nodes": FOUND["nodes"] | {"WorkerDict.run": [WORKERS[0]]}}, [f"no WorkerDict worked on {WORKERS[1]}"]),
        ({"nodes": {}}, [f"no {title} worked on {node}" for title in SPREAD for node in WORKERS]),
        ({"rewards": {"two": [0.0], "one": [0.5]}}, ["no reward, two"]),
    ],
)
def test_what_counts_as_a_fault(change, fault):
    assert faults({**FOUND, **change}) == fault


def test_what_a_run_left(tmp_path):
    for step in ("attempts", "results", "sft"):
        (tmp_path / step).mkdir()
        (tmp_path / step / "manifest.json").write_text("{}")
    (tmp_path / "sft" / "model").mkdir()

    def write(text, fingerprint, weights):
        table = pa.table({"id": ["a"], "text": [text]}).replace_schema_metadata({"sfray.fingerprint": fingerprint})
        pq.write_table(table, tmp_path / "attempts" / "part-00000.parquet")
        (tmp_path / "sft" / "model" / "model.safetensors").write_text(weights)
        return left(tmp_path)

    before = write("x", "1", "w")
    assert list(before) == ["attempts", "sft"]
    assert write("x", "2", "w") == before
    assert write("y", "1", "w") == before | {"attempts": left(tmp_path)["attempts"]} != before
    assert write("x", "1", "v") == before | {"sft": left(tmp_path)["sft"]} != before


def test_the_reward_of_each_step(tmp_path):
    (tmp_path / "grpo").mkdir()
    lines = [{"step": 1, "reward": 0.25}, {"step": 2, "reward": 0.5}]
    (tmp_path / "grpo" / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert curve(tmp_path) == [0.25, 0.5]
