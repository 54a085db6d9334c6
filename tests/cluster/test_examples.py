"""The examples in ``cluster/`` are what the commands of its README print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sfray.cli import app

CLUSTER = Path(__file__).resolve().parents[2] / "cluster"
COMMANDS = dict(
    re.findall(r"^sfray (render .+?) > cluster/(\S+)$", (CLUSTER / "README.md").read_text(encoding="utf-8"), re.M)
)


def test_every_file_of_the_folder_is_made_by_a_command() -> None:
    dashboard = {"grafana.json"}  # tests/watch/test_dashboard.py holds it
    assert {p.name for p in CLUSTER.iterdir()} - {"README.md", "Dockerfile"} - dashboard == set(COMMANDS.values())


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_is_what_its_command_prints(command: str) -> None:
    done = CliRunner().invoke(app, shlex.split(command))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (CLUSTER / COMMANDS[command]).read_text(encoding="utf-8")
