"""Jobs of the paper's presets, as someone with a cluster would ask for them."""

from __future__ import annotations

from functools import cache

from sfray.compose import load
from sfray.deploy.job import Job, job

HERE = ("run.dir=/shared/runs", "deploy.registry=''", "deploy.code=/shared/sfray")
ON_8_GPUS = ("engine.actors=8", "sft.workers=8", "sft.batch=8", "grpo.nodes=2")

PRESETS = {
    "1.5B on 4 GPUs": ("experiment=paper/countdown_1.5b",),
    "7B on 4 GPUs": ("experiment=paper/countdown_7b",),
    "7B on 8 GPUs": ("experiment=paper/countdown_7b", *ON_8_GPUS),
    "7B on 8 GPUs of one node": (
        "experiment=paper/countdown_7b",
        *ON_8_GPUS[:3],
        "grpo.ranks_per_node=8",
    ),
    "OpenThoughts, 1,000": ("experiment=paper/openthoughts_1k",),
    "OpenThoughts, 10,000": ("experiment=paper/openthoughts_10k",),
}


@cache
def made(*overrides: str) -> Job:
    """The job of an experiment and some overrides, on storage that is there."""
    everything = [*overrides[:1], *HERE, *overrides[1:]]
    return job(load(everything), everything)


def preset(name: str, *more: str) -> Job:
    """The job of a preset."""
    return made(*PRESETS[name], *more)
