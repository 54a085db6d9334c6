"""The wheel, built from the sources and installed into an empty folder: it works without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("sfray", "conf", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: setuptools leaves its ``build/`` beside the sources."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(out), str(source)]
    subprocess.run(build, check=True)
    (built,) = out.glob("sfray-*.whl")
    return built


@pytest.fixture(scope="session")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with nothing but the wheel in it."""
    target = tmp_path_factory.mktemp("site")
    subprocess.run([*PIP, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)], check=True)
    return target


def sfray(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Calls the installed command in a folder, with the environment's packages behind the wheel's."""
    command = [sys.executable, "-P", str(site / "bin" / "sfray"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "120"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_it_holds_what_the_checkout_holds(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    code = {p.relative_to(ROOT).as_posix() for p in (ROOT / "sfray").rglob("*") if p.is_file()}
    code = {name for name in code if "__pycache__" not in name}
    conf = {f"sfray/{p.relative_to(ROOT).as_posix()}" for p in (ROOT / "conf").rglob("*.yaml")}
    assert len(conf) > 60
    assert {name for name in names if ".dist-info/" not in name} == code | conf
    assert "sfray/py.typed" in names


def test_its_code_and_config_are_its_own(site: Path, tmp_path: Path) -> None:
    code = "from sfray import compose; print(compose.__file__, compose.CONF)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(site / "sfray" / "compose" / "__init__.py"), str(site / "sfray" / "conf")]


@pytest.mark.parametrize(
    ("arguments", "run"),
    [([], "quickstart"), (["experiment=smoke"], "smoke"), (["experiment=paper/countdown_1.5b"], "countdown_1.5b")],
    ids=lambda x: "-".join(x) if isinstance(x, list) else x,
)
def test_check_works_in_an_empty_folder(site: Path, tmp_path: Path, arguments: list[str], run: str) -> None:
    done = sfray(site, tmp_path, "check", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"ok: run '{run}', steps base, questions, ")
    assert list(tmp_path.iterdir()) == []


def test_run_says_how_to_use_it(site: Path, tmp_path: Path) -> None:
    done = sfray(site, tmp_path, "run", "--help")
    assert done.returncode == 0
    assert "sfray run [OPTIONS]" in done.stdout
    assert "--config-dir" in done.stdout


def test_run_works_in_an_empty_folder(site: Path, tmp_path: Path) -> None:
    done = sfray(site, tmp_path, "run", "experiment=smoke", "steps=[questions]")
    assert (done.returncode, done.stderr) == (0, "")
    assert [p.name for p in tmp_path.iterdir()] == ["runs"]
    assert (tmp_path / "runs" / "smoke" / "questions" / "manifest.json").is_file()


def test_a_wrong_option_names_those_of_the_installed_tree(site: Path, tmp_path: Path) -> None:
    done = sfray(site, tmp_path, "check", "model=tinny")
    assert done.returncode == 2
    assert "model=tinny: no such option; conf/model has nano, olmo3_7b, " in done.stderr
