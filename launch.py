"""Composes a config and runs the pipeline.

python launch.py                                  # experiment=quickstart, on this machine
python launch.py experiment=paper/countdown_1.5b run.name=first
python launch.py stages=[traces,sft] trace.recipe=uniform run.name=uniform
python launch.py -m run.name=a,b ...              # a Hydra sweep
ray job submit --working-dir . -- python launch.py run.dir=/shared/runs
"""

from __future__ import annotations

import sys

import hydra
from omegaconf import DictConfig, OmegaConf

from sfray.compose import check_overrides
from sfray.errors import reported


@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(composed: DictConfig) -> None:
    """Validates the composed config, then runs its stages."""
    from sfray import pipeline
    from sfray.validation import parse

    with reported():
        config = parse(OmegaConf.to_container(composed, resolve=True))  # type: ignore[arg-type]
        pipeline.run(config)


if __name__ == "__main__":
    with reported():
        check_overrides(sys.argv[1:])
    main()
