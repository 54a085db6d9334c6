"""Every launcher gets a text that says what it holds; a manifest that breaks a rule is never printed."""

from __future__ import annotations

import pytest
import yaml

from sfray.compose import load
from sfray.deploy.job import job
from sfray.deploy.rendered import ManifestRefused, manifests, rendered
from tests.deploy.presets import made, preset


def test_the_header_has_the_numbers_of_each_stage() -> None:
    text = rendered(preset("7B on 8 GPUs"))
    assert text.splitlines()[:12] == [
        "# Written by `sfray render kuberay` for kubectl: 2 x 4 GPUs, 23 CPUs, 186 GiB (16 of them /dev/shm)",
        "# step         units x GPUs = GPUs   idle",
        "# attempts         8 x    1 =    8      0",
        "# reflections      8 x    1 =    8      0",
        "# traces           1 x    0 =    0      8",
        "# sft              8 x    1 =    8      0",
        "# eval_sft         8 x    1 =    8      0",
        "# grpo             2 x    4 =    8      0",
        "# eval_base        8 x    1 =    8      0",
        "# eval_grpo        8 x    1 =    8      0",
        "# deadline: 96 h: the plan could not be made; set deploy.hours if you know better",
        "# Checked for KubeRay v1.7.0.",
    ]
    assert [document["kind"] for document in yaml.safe_load_all(text)] == ["Job", "RayJob"]


@pytest.mark.parametrize(("launcher", "start"), [("slurm", "#!/bin/bash\n"), ("compose", "# Written by ")])
def test_other_launchers_have_the_same_header(launcher: str, start: str) -> None:
    everything = ["experiment=paper/countdown_7b", f"deploy={launcher}", "run.dir=/shared/runs"]
    text = rendered(job(load(everything), everything))
    assert text.startswith(start)
    assert "# grpo             1 x    4 =    4      0\n" in text


@pytest.mark.parametrize(
    ("override", "path"),
    [
        ("deploy.registry=REGISTRY", "spec.template.spec.containers[0].image"),
        ("deploy.registry=registry.example.com", "spec.template.spec.containers[0].image"),
        ("deploy.image=sfray:latest", "spec.template.spec.containers[0].image"),
        ("deploy.claim=YOUR_CLAIM", "spec.template.spec.volumes[0].persistentVolumeClaim.claimName"),
        ("deploy.name=Countdown", "metadata.name"),
        ("deploy.namespace=Lab", "metadata.namespace"),
        ("deploy.queue=LOCAL_QUEUE", "metadata.labels.kueue.x-k8s.io/queue-name"),
        ("deploy.service_account='a b'", "spec.template.spec.serviceAccountName"),
        ("deploy.hub_secret=Hub_Token", "spec.template.spec.containers[0].env[4].valueFrom.secretKeyRef.name"),
    ],
)
def test_a_config_that_ends_in_no_pod_is_refused_with_the_field(override: str, path: str) -> None:
    with pytest.raises(ManifestRefused) as caught:
        manifests(made("experiment=paper/countdown_7b", override))
    assert caught.value.faults[0].path == path
    assert str(caught.value).startswith(f"{path}: ")
