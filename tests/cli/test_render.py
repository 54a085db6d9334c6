"""``sfray render``, ``submit`` and ``job``, as a user types them."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml
from typer.testing import CliRunner

from sfray.cli import app
from tests.deploy.presets import HERE

runner = CliRunner()
SEVEN = ["experiment=paper/countdown_7b", *HERE]


def test_render_prints_what_can_be_applied() -> None:
    done = runner.invoke(app, ["render", "kuberay", *SEVEN])
    assert (done.exit_code, done.stderr) == (0, "")
    assert [d["kind"] for d in yaml.safe_load_all(done.stdout)] == ["Job", "RayJob"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["render", "kubray", *SEVEN], "deploy=kubray: no such option; conf/deploy has compose, kuberay, slurm"),
        (["render", "kuberay", *SEVEN, "sampel.n=4"], "sampel.n: no such key; did you mean sample.n"),
        (["render", "kuberay", "experiment=paper/countdown_7b"], "deploy.registry: must be given"),
        (["render", "kuberay", *SEVEN, "deploy.registry=REGISTRY"], "'REGISTRY' in 'REGISTRY/sfray:0.1.0'"),
        (["submit", "--dry-run", *SEVEN, "deploy.gpus_per_node=8"], "but no stage uses more than 4"),
        (["job", "--", "sampel.n=4"], "sampel.n: no such key; did you mean sample.n"),
    ],
)
def test_what_must_be_corrected_is_refused_with_status_2(arguments: list[str], message: str) -> None:
    done = runner.invoke(app, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_dry_run_prints_what_would_be_sent() -> None:
    dry = runner.invoke(app, ["submit", "--dry-run", *SEVEN])
    assert dry.stdout == runner.invoke(app, ["render", "kuberay", *SEVEN]).stdout
    jobs = runner.invoke(app, ["submit", "--dry-run", *SEVEN, "deploy.submit=jobs", "deploy.address=http://a:8265"])
    assert yaml.safe_load(jobs.stdout)["entrypoint"].startswith("python -m sfray.cli job -- experiment=paper/")


def test_nothing_of_it_imports_an_engine() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from sfray.cli import app\n"
        f"result = CliRunner().invoke(app, ['render', 'kuberay', *{SEVEN!r}])\n"
        "assert result.exit_code == 0, result.output\n"
        "print([m for m in ('torch', 'ray', 'vllm', 'transformers', 'deepspeed', 'verl') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
