"""Names of the form ``package.module:Name``: what they lead to, and what is said of those that lead nowhere."""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import pytest

from sfray import plugins

CODE = """
from collections import Counter, OrderedDict

THREE = 3
NAMES = OrderedDict(a=1)


class Tally(Counter):
    pass
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable package ``sandbox_lab`` with a module, a folder of files and modules that cannot be imported."""
    package = tmp_path / "sandbox_lab"
    (package / "words").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "code.py").write_text(CODE)
    (package / "typo.py").write_text("import sandbox_lba\n")
    (package / "absent.py").write_text("from sandbox_lab.code import FOUR\n")
    (package / "broken.py").write_text("x = 1\ndef f(:\n")
    (package / "raises.py").write_text("raise KeyError('the lab is closed')\n")
    (package / "prompts.yaml").write_text("hint: x\n")
    (package / "words" / "short.yaml").write_text("hint: y\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package
    for name in [n for n in sys.modules if n.partition(".")[0] == "sandbox_lab"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("name", "code", "packaged"),
    [
        ("countdown", False, False),
        ("default", False, False),
        ("0C+*C", False, False),
        ("my_lab:Squares", True, True),
        ("my_lab.tasks:Squares", True, True),
        ("my_lab.tasks:Squares.inner", False, True),
        ("my_lab:prompts.yaml", False, True),
        ("my_lab:words/prompts.yaml", False, True),
        ("my-lab:Squares", False, False),
        ("my_lab..tasks:Squares", False, False),
        ("my_lab:", False, False),
        (":Squares", False, False),
        ("https://example.org/prompts.yaml", False, False),
        ("folder/my_lab:prompts.yaml", False, False),
        ("1lab:prompts.yaml", False, False),
    ],
)
def test_the_form_of_a_name(name: str, code: bool, packaged: bool) -> None:
    assert (plugins.is_code(name), plugins.is_packaged(name)) == (code, packaged)


def test_a_class_an_object_and_a_file(lab: Path) -> None:
    found = plugins.subclass("task.name", "sandbox_lab.code:Tally", dict)
    assert (found.__module__, found.__name__) == ("sandbox_lab.code", "Tally")
    assert plugins.instance("trace.recipe", "sandbox_lab.code:THREE", int) == 3
    assert plugins.file("prompts", "sandbox_lab:prompts.yaml") == lab / "prompts.yaml"
    assert plugins.file("prompts", "sandbox_lab:words/short.yaml") == lab / "words" / "short.yaml"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("squares", "task.name: 'squares' is not of the form package.module:Name"),
        (
            "sandbox_lba.code:Tally",
            "task.name: sandbox_lba.code:Tally: there is no module sandbox_lba; "
            "install the package, or put the folder that holds it on PYTHONPATH",
        ),
        (
            "sandbox_lab.cod:Tally",
            "task.name: sandbox_lab.cod:Tally: there is no module sandbox_lab.cod; "
            "install the package, or put the folder that holds it on PYTHONPATH",
        ),
        (
            "sandbox_lab.code.more:Tally",
            "task.name: sandbox_lab.code.more:Tally: there is no module sandbox_lab.code.more; "
            "install the package, or put the folder that holds it on PYTHONPATH",
        ),
        (
            "sandbox_lab.typo:Tally",
            "task.name: sandbox_lab.typo:Tally: cannot import sandbox_lab.typo: No module named 'sandbox_lba'",
        ),
        ("sandbox_lab.code:Taly", "task.name: module sandbox_lab.code has no 'Taly'; did you mean 'Tally'?"),
        ("sandbox_lab.code:X", "task.name: module sandbox_lab.code has no 'X'"),
        (
            "sandbox_lab.code:THREE",
            "task.name: sandbox_lab.code:THREE must be a class derived from builtins.str, not an int",
        ),
        (
            "sandbox_lab.code:NAMES",
            "task.name: sandbox_lab.code:NAMES must be a class derived from builtins.str, not an OrderedDict",
        ),
        (
            "sandbox_lab.code:Tally",
            "task.name: sandbox_lab.code:Tally must be a class derived from builtins.str, "
            "not the class sandbox_lab.code.Tally",
        ),
    ],
)
def test_a_class_that_cannot_be_had(lab: Path, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        plugins.subclass("task.name", name, str)


def test_the_cause_of_a_failed_import_is_named(lab: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot import sandbox_lab\.absent: cannot import name 'FOUR' from") as error:
        plugins.instance("trace.recipe", "sandbox_lab.absent:X", int)
    assert isinstance(error.value.__cause__, ImportError)
    broken = re.escape(f"cannot import sandbox_lab.broken: {lab / 'broken.py'}, line 2: invalid syntax")
    with pytest.raises(ValueError, match=f"^trace.recipe: sandbox_lab.broken:X: {broken}$"):
        plugins.instance("trace.recipe", "sandbox_lab.broken:X", int)


def test_an_error_of_the_code_itself_keeps_its_traceback(lab: Path) -> None:
    with pytest.raises(KeyError, match="the lab is closed"):
        plugins.instance("trace.recipe", "sandbox_lab.raises:X", int)


def test_an_object_of_another_kind(lab: Path) -> None:
    with pytest.raises(ValueError, match=r"^trace\.recipe: \S+:THREE must be an instance of builtins\.str, not an int"):
        plugins.instance("trace.recipe", "sandbox_lab.code:THREE", str)
    with pytest.raises(ValueError, match=r"must be an instance of builtins\.str, not the class sandbox_lab\.code\.Tal"):
        plugins.instance("trace.recipe", "sandbox_lab.code:Tally", str)


class Half(ABC):
    """A class that leaves two methods to those that derive from it."""

    @abstractmethod
    def first(self) -> None: ...

    @abstractmethod
    def second(self) -> None: ...


class Unfinished(Half):
    """Defines one of the two."""

    def second(self) -> None: ...


def test_a_class_that_leaves_out_a_method() -> None:
    with pytest.raises(ValueError, match=rf"^skill: {__name__}:Unfinished does not define first$"):
        plugins.subclass("skill", f"{__name__}:Unfinished", Half)  # type: ignore[type-abstract]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("default", "prompts: 'default' is not of the form package:file"),
        (
            "sandbox_lab:promts.yaml",
            "prompts: package sandbox_lab has no file 'promts.yaml'; did you mean 'prompts.yaml'?",
        ),
        (
            "sandbox_lab:words/sort.yaml",
            "prompts: package sandbox_lab has no file 'words/sort.yaml'; did you mean 'short.yaml'?",
        ),
        ("sandbox_lab:nowhere/x.yaml", "prompts: package sandbox_lab has no file 'nowhere/x.yaml'"),
        ("sandbox_lab:words", "prompts: package sandbox_lab has no file 'words'"),
        (
            "sandbox_lab.code:prompts.yaml",
            "prompts: sandbox_lab.code:prompts.yaml: sandbox_lab.code is a module, not a package that can hold files",
        ),
        (
            "sandbox_lba:prompts.yaml",
            "prompts: sandbox_lba:prompts.yaml: there is no module sandbox_lba; "
            "install the package, or put the folder that holds it on PYTHONPATH",
        ),
    ],
)
def test_a_file_that_cannot_be_had(lab: Path, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        plugins.file("prompts", name)
