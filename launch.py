"""Composes a config and runs the pipeline; the same as ``sfray run``.

python launch.py                                  # experiment=quickstart, on this machine
python launch.py experiment=paper/countdown_1.5b run.name=first
python launch.py steps=[sft] trace.recipe=uniform
python launch.py -m run.name=a,b ...              # a Hydra sweep
python launch.py --config-dir my_conf task=mine   # a config folder of your own, in front of conf/
ray job submit --working-dir . -- python launch.py run.dir=/shared/runs
"""

from __future__ import annotations

import sys

from sfray.cli.launch import launch

if __name__ == "__main__":
    launch(sys.argv[1:])
