"""The recipe for one machine, word for word, in a home where sfray has run before and in a new one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sfray.store.manifest import Manifest

ROOT = Path(__file__).resolve().parents[2]
(RECIPE,) = [
    block
    for block in re.findall(
        r"^```sh\n(.*?)^```", (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8"), re.M | re.S
    )
    if "ray start" in block
]
ISOLATED = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "bash", "-ec"]
"""With network and processes of its own: `ray stop` ends every Ray that it sees, and ports are those of the recipe."""


def test_the_recipe_says_how_to_send_the_token() -> None:
    lines = RECIPE.splitlines()
    assert lines[0] == "export RAY_AUTH_MODE=token"
    assert [line.split()[:2] for line in lines[1:]] == [
        ["ray", "get-auth-token"],
        ["ray", "start"],
        ["ray", "job"],
        ["ray", "stop"],
    ]


@pytest.mark.engine
@pytest.mark.parametrize("has_run_before", [False, True])
def test_the_recipe_works(has_run_before: bool, tmp_path: Path) -> None:
    if subprocess.run([*ISOLATED, "ip link set lo up"], capture_output=True, check=False).returncode:
        pytest.skip("no network of one's own can be had here")
    home, checkout = tmp_path / "home", tmp_path / "checkout"
    home.mkdir()
    for name in ("sfray", "conf", "launch.py"):
        source = ROOT / name
        shutil.copytree(source, checkout / name) if source.is_dir() else shutil.copy(source, checkout / name)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "RAY_TMPDIR": f"/tmp/sfray-recipe-{os.getpid()}",  # sockets have short paths
        "HF_HUB_OFFLINE": "1",
    }
    before = (
        "python -c 'import ray; ray.init(address=\"local\", num_cpus=1); ray.shutdown()'\n" if has_run_before else ""
    )
    try:
        done = subprocess.run(
            [*ISOLATED, f"ip link set lo up\n{before}{RECIPE}"],
            cwd=checkout, env=environment, capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(environment["RAY_TMPDIR"], ignore_errors=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert (home / ".ray" / "auth_token").exists()
    assert Manifest.read(checkout / "runs" / "smoke" / "attempts" / "manifest.json").counts["rows"] == 256
