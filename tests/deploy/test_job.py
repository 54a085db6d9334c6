"""A job is derived from the config, or refused with the key to change."""

from __future__ import annotations

import re

import pytest

from sfray.compose import load
from sfray.config.validation import ConfigError
from sfray.deploy.job import RAY_VERSION, Job, Toleration, dns_label, job, run_overrides
from tests.deploy.presets import HERE, made, preset
from tests.test_requirements import pins

SEVEN = ("experiment=paper/countdown_7b", *HERE)


def refused(*overrides: str) -> list[str]:
    """What is said against a job."""
    with pytest.raises(ConfigError) as caught:
        job(load(overrides), overrides)
    return caught.value.problems


def derived(*overrides: str) -> Job:
    """The job of some overrides."""
    return job(load(overrides), overrides)


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (["deploy.registry=null"], "deploy.registry: must be given: "),
        (["deploy.code=null"], "deploy.code: must be given: "),
        (["deploy.code=code"], "deploy.code: 'code' is neither an absolute path nor an address"),
        (["run.dir=runs"], "run.dir: 'runs' is not below deploy.mount = /shared"),
        (["run.dir=/sharedruns"], "run.dir: '/sharedruns' is not below deploy.mount = /shared"),
        (["deploy.mount=shared"], "deploy.mount: 'shared' is not an absolute path"),
        (["model.path=/models/Qwen-7B"], "model.path: '/models/Qwen-7B' is not below deploy.mount"),
        (["deploy.tolerations=[gpu]"], "deploy.tolerations[0]: 'gpu' is no taint"),
        (["deploy.priority=high"], "deploy.priority: 'high' is a class of Kueue's"),
        (["deploy.submit=sbatch"], "deploy.submit: sbatch does not take what is rendered for kuberay, but kubectl or"),
        (["deploy.submit=jobs"], "deploy.address: must be given with deploy.submit = jobs"),
        (["deploy.hours=0.4"], "deploy.hours: 0.4 leave no time after deploy.start_minutes = 30"),
        (["deploy.gpus_per_node=2"], "deploy.gpus_per_node: 2 is below grpo.ranks_per_node = 4"),
        (["deploy.node_cpus=16"], "deploy.node_cpus: a node needs 23 CPUs, the machines have 16"),
        (
            ["deploy.node_memory_gib=128"],
            "deploy.node_memory_gib: a node needs 186 GiB (166 GiB for processes, 16 for /dev/shm), it has 128",
        ),
        (
            ["deploy.gpus_per_node=8"],
            "deploy.gpus_per_node: 1 nodes x 8 GPUs = 8, but no stage uses more than 4 "
            "(attempts 4, reflections 4, traces 0, sft 4, eval_sft 4, grpo 4, eval_base 4, eval_grpo 4)",
        ),
        (["steps=[questions]"], "steps: none of them works on the cluster"),
        (["model.path=lab/model"], "deploy.parameters_billion: must be given"),
    ],
    ids=lambda x: x[0] if isinstance(x, list) else "",
)
def test_what_cannot_work_is_refused_with_its_key(overrides: list[str], problem: str) -> None:
    (line,) = refused(*SEVEN, *overrides)
    assert line.startswith(problem)


def test_everything_that_is_missing_is_named_at_once() -> None:
    keys = [line.partition(":")[0] for line in refused("experiment=paper/countdown_7b")]
    assert keys == ["deploy.registry", "deploy.code", "run.dir"]


def test_the_job_is_named_after_the_run() -> None:
    assert preset("1.5B on 4 GPUs").name == "sfray-countdown-1-5b"
    assert made("experiment=paper/countdown_7b", "deploy.name=mine").name == "mine"
    assert dns_label("_A.b--C_") == "a-b-c"


def test_the_image_is_of_this_version_unless_it_is_named() -> None:
    assert preset("1.5B on 4 GPUs").image == "sfray:0.1.0"
    assert derived(*SEVEN, "deploy.registry=ghcr.io/lab/").image == "ghcr.io/lab/sfray:0.1.0"
    assert derived(*SEVEN, "deploy.registry=ghcr.io/lab", "deploy.image=own:7").image == "ghcr.io/lab/own:7"


def test_the_run_is_told_nothing_of_its_cluster() -> None:
    mine = ["deploy=slurm", "deploy.code=/x", "+deploy.node_selector.pool=a", "run.name=deploy", "sft.lr=1e-6"]
    assert run_overrides(mine) == ("run.name=deploy", "sft.lr=1e-6")
    assert preset("1.5B on 4 GPUs").overrides == ("experiment=paper/countdown_1.5b", "run.dir=/shared/runs")


def test_a_run_saves_for_as_long_as_its_cluster_lets_it() -> None:
    assert preset("7B on 4 GPUs").overrides[-1] == "cluster.grace_seconds=270"
    long = preset("7B on 4 GPUs", "cluster.grace_seconds=900.5")
    assert long.overrides[-1] == "cluster.grace_seconds=900.5"
    assert (long.limits.saving, long.limits.grace) == (901, 961)


def test_a_config_for_a_laptop_joins_the_cluster_it_is_sent_to() -> None:
    assert made("experiment=quickstart").overrides[-1] == "cluster.address=auto"


def test_waits_follow_from_the_config() -> None:
    found = preset("7B on 4 GPUs").limits
    assert (found.start, found.run.seconds, found.keep, found.retries) == (1800, 345600, 600, 3)
    # 14 bytes for each of 7.7 billion parameters at half a GiB a second, a minute for the step before, one for the end
    assert (found.saving, found.grace) == (60 + 210, 60 + 210 + 60)
    assert preset("7B on 4 GPUs", "deploy.storage_gib_per_second=5").limits.grace == 120 + 60


def test_taints_are_written_as_kubectl_writes_them() -> None:
    found = made("experiment=paper/countdown_7b", "deploy.tolerations=['pool=a:NoExecute','x/y:PreferNoSchedule']")
    assert found.tolerations == (
        Toleration("pool", "a", "NoExecute"),
        Toleration("x/y", None, "PreferNoSchedule"),
    )


@pytest.mark.parametrize("lock", ["cpu", "gpu"])
def test_ray_is_the_locks(lock: str) -> None:
    assert pins(lock)["ray"] == RAY_VERSION


def test_no_error_is_of_a_key_that_does_not_exist() -> None:
    named = {line.partition(":")[0] for line in refused("experiment=paper/countdown_7b")}
    assert all(re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", key) for key in named)
