"""The house rules, read off the source: who may import whom, what no file may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "sfray").rglob("*.py"))
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_ROOT_MODULES = 350, 60, 14

FLOORS = [
    {
        "artifacts",
        "compute",
        "config",
        "errors",
        "grammar",
        "io",
        "names",
        "plugins",
        "progress",
        "prompts",
        "records",
        "rejects",
        "seeds",
        "store",
    },
    {"cluster", "models", "tasks", "watch"},
    {"skills"},
    {"traces"},
    {"evaluation", "interchange", "sampling", "tiny", "training"},
    {"report", "stages"},
    {"graph"},
    {"compose", "deploy", "doctor"},
    {"costs", "preflight"},
    {"pipeline"},
    {"cli"},
]
"""Top-level modules and packages of sfray, from the ground up. Each may import what is
below it and, on the ground floor only, its neighbours."""

ENGINES = {"ray", "torch", "vllm", "verl", "deepspeed", "transformers", "peft", "datasets"}


def module_name(path: Path) -> str:
    """``sfray/tasks/task.py`` -> ``sfray.tasks.task``."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def place(module: str) -> str:
    """``sfray.tasks.task`` -> ``tasks``; the package itself is ``""``."""
    return module.partition(".")[2].partition(".")[0]


def floor(name: str) -> int:
    """The floor of a place."""
    (found,) = [i for i, names in enumerate(FLOORS) if name in names]
    return found


@cache
def tree(path: Path) -> ast.Module:
    """A parsed source file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full module name of every import, at any depth."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            if node.module == "sfray":  # from sfray import seeds
                for alias in node.names:
                    yield node.lineno, f"sfray.{alias.name}"
            else:
                yield node.lineno, node.module or ""


def ids(path: Path) -> str:
    """A path as a test's name."""
    return str(path.relative_to(ROOT))


every_source = pytest.mark.parametrize("path", SOURCES, ids=ids)


def test_the_root_is_read_at_a_glance() -> None:
    assert len(list((ROOT / "sfray").glob("*.py"))) <= MAX_ROOT_MODULES


def test_every_place_has_a_floor() -> None:
    places = {place(module_name(p)) for p in SOURCES} - {""}
    assert places - set().union(*FLOORS) == set()
    assert sum(map(len, FLOORS)) == len(set().union(*FLOORS))


@every_source
def test_nothing_imports_upward_or_sideways(path: Path) -> None:
    mine = place(module_name(path))
    for line, module in imported(path):
        theirs = place(module) if module.split(".")[0] == "sfray" else ""
        if not mine or not theirs or theirs == mine:
            continue
        if floor(mine) == floor(theirs):
            assert floor(mine) == 0, f"{path}:{line} imports its neighbour {module}"
        else:
            assert floor(theirs) < floor(mine), f"{path}:{line} imports {module} from above"


def test_the_ground_floor_has_no_circles() -> None:
    neighbours = {
        name: {
            place(module)
            for path in SOURCES
            if place(module_name(path)) == name
            for _, module in imported(path)
            if place(module) in FLOORS[0] and module.startswith("sfray.") and place(module) != name
        }
        for name in FLOORS[0]
    }
    while neighbours:
        free = {name for name, needs in neighbours.items() if not needs & neighbours.keys()}
        assert free, f"these import each other: {neighbours}"
        neighbours = {name: needs for name, needs in neighbours.items() if name not in free}


def loaded_by(*modules: str) -> set[str]:
    """The engines that importing some modules loads, in a fresh interpreter."""
    code = f"import sys, {', '.join(modules)}; print(*sorted({sorted(ENGINES)!r} & sys.modules.keys()))"
    code = code.replace(repr(sorted(ENGINES)), "set(" + repr(sorted(ENGINES)) + ")")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "modules",
    [
        ["sfray.config", "sfray.config.validation", "sfray.compute.memory"],
        ["sfray.records", "sfray.store", "sfray.grammar", "sfray.seeds", "sfray.prompts", "sfray.store.locks"],
        ["sfray.models", "sfray.compose", "sfray.cluster", "sfray.pipeline"],
        ["sfray.cli"],
    ],
    ids=lambda m: m[-1],
)
def test_a_config_is_judged_without_any_engine(modules: list[str]) -> None:
    assert loaded_by(*modules) == set()


@pytest.mark.parametrize("package", ["skills", "tasks", "traces"])
def test_the_pure_packages_load_no_engine(package: str) -> None:
    modules = [module_name(p) for p in SOURCES if place(module_name(p)) == package]
    assert len(modules) > 1
    assert loaded_by(*modules) == set()


def is_public(name: str) -> bool:
    """Whether a name is meant for others."""
    return not name.startswith("_")


def functions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Functions and methods with their dotted names, without those inside functions."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from functions(node.body, f"{prefix}{node.name}.")


@every_source
def test_public_things_say_what_they_are(path: Path) -> None:
    source = tree(path)
    if source.body:
        assert ast.get_docstring(source), f"{path} has no docstring"
    silent = [
        name
        for name, node in functions(source.body)
        if all(map(is_public, name.split("."))) and not ast.get_docstring(node) and not _overrides(node)
    ]
    silent += [
        node.name
        for node in source.body
        if isinstance(node, ast.ClassDef) and is_public(node.name) and not ast.get_docstring(node)
    ]
    assert silent == []


def _overrides(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {d.id for d in node.decorator_list if isinstance(d, ast.Name)}
    names |= {d.attr for d in node.decorator_list if isinstance(d, ast.Attribute)}
    return bool(names & {"override", "overload", "setter"})


@every_source
def test_files_and_functions_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES
    long = {
        name: length
        for name, node in functions(tree(path).body)
        if (length := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert long == {}


def names_in(node: ast.expr | None) -> set[str]:
    """The exception names of an ``except`` clause."""
    parts = node.elts if isinstance(node, ast.Tuple) else [node] if node else []
    return {ast.unparse(part).rpartition(".")[2] for part in parts}


@every_source
def test_no_broad_except(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or names_in(node.type) & {"Exception", "BaseException"}
            again = isinstance(node.body[-1], ast.Raise)
            assert not broad or again, f"{path}:{node.lineno} swallows errors it does not know"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            swallowed = {ast.unparse(a) for a in node.args}
            assert not swallowed & {"Exception", "BaseException"}, f"{path}:{node.lineno} swallows everything"


@every_source
def test_no_text_is_ever_run(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"eval", "exec", "__import__", "pickle.loads", "pickle.load", "os.system"}, (
                f"{path}:{node.lineno} calls {called}"
            )
            shell = [k for k in node.keywords if k.arg == "shell" and ast.unparse(k.value) != "False"]
            assert not shell, f"{path}:{node.lineno} starts a shell"


@every_source
def test_nothing_is_only_true_with_asserts(path: Path) -> None:
    """``python -O`` drops asserts: they may narrow a type, never check a value."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Assert):
            text = ast.unparse(node.test)
            assert text.startswith("isinstance(") or text.endswith("is not None"), f"{path}:{node.lineno}: {text}"


FORBIDDEN = [
    "(?<![\\w.~/$])/(?:home/(?!ray\\b)|Users/|root/)" + "\\w",
    "file:" + "///",
    "https?://[^\\s/\"']*(?:artifactory|nexus|jfrog|mirror)",
    "index" + "-url[ =]+https?://(?!download\\.pytorch\\.org/)",
    "-----BEGIN [A-Z ]*PRIVATE" + " KEY",
]
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".json", ".jinja", ".html", ".css", ".js", ".cfg", ".sh", ""}


def shipped() -> list[Path]:
    """The files of the project: all that git would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [p for p in found if p.is_file()]


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    pattern = re.compile("|".join(FORBIDDEN))
    hits = [
        f"{path.relative_to(ROOT)}:{i}: {line.strip()[:120]}"
        for path in shipped()
        if path.suffix in TEXT
        for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert hits == []


def test_no_run_or_cache_is_shipped() -> None:
    rubbish = {".venv", "runs", "outputs", "multirun", "__pycache__", ".hypothesis", "build", "dist"}
    assert [p for p in shipped() if set(p.relative_to(ROOT).parts) & rubbish] == []


def test_tests_mirror_the_source() -> None:
    places = {place(module_name(p)) for p in SOURCES} - {""}
    packages = {p.name for p in (ROOT / "sfray").iterdir() if (p / "__init__.py").is_file()}
    missing = {p for p in packages & places if not list((ROOT / "tests" / p).glob("test_*.py"))}
    missing |= {p for p in places - packages if not (ROOT / "tests" / f"test_{p}.py").is_file()}
    assert missing == set()
