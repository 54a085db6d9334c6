"""Code and files that a config names as ``package.module:Name``, so that they may come from outside sfray.

    plugins.subclass("task.name", "my_lab.tasks:Squares", Task)          # a class
    plugins.instance("trace.recipe", "my_lab.recipes:SHORTEST", Recipe)  # an object
    plugins.file("prompts", "my_lab:prompts.yaml")                       # a file inside a package

Every error names the config key, what could not be found and the nearest name there is.
"""

from __future__ import annotations

import importlib
import importlib.resources
import re
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from sfray.names import closest

T = TypeVar("T")

_MODULE = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_CODE = re.compile(rf"({_MODULE}):([^\W\d]\w*)")
_FILE = re.compile(rf"({_MODULE}):(?!/)(.+)")


def is_code(name: str) -> bool:
    """Whether a name has the form ``package.module:Name``."""
    return _CODE.fullmatch(name) is not None


def is_packaged(name: str) -> bool:
    """Whether a name has the form ``package:file``."""
    return _FILE.fullmatch(name) is not None


def subclass(key: str, name: str, base: type[T]) -> type[T]:
    """The class that a name refers to.

    Args:
        key: The config key that holds the name, for errors.
        name: ``package.module:Name``.
        base: What it must derive from.

    Raises:
        ValueError: There is no such module or name, or it is no complete class of this kind.
    """
    found = _attribute(key, name)
    if not isinstance(found, type) or not issubclass(found, base):
        raise ValueError(f"{key}: {name} must be a class derived from {_path(base)}, not {_described(found)}")
    if undefined := sorted(getattr(found, "__abstractmethods__", ())):
        raise ValueError(f"{key}: {name} does not define {', '.join(undefined)}")
    return found


def instance(key: str, name: str, kind: type[T]) -> T:
    """The object that a name refers to.

    Args:
        key: The config key that holds the name, for errors.
        name: ``package.module:Name``.
        kind: What it must be an instance of.

    Raises:
        ValueError: There is no such module or name, or it is something else.
    """
    found = _attribute(key, name)
    if not isinstance(found, kind):
        raise ValueError(f"{key}: {name} must be an instance of {_path(kind)}, not {_described(found)}")
    return found


def file(key: str, name: str) -> Path:
    """The file inside a package that a name refers to.

    Args:
        key: The config key that holds the name, for errors.
        name: ``package:file``, where the file may lie in a folder of the package.

    Raises:
        ValueError: There is no such package, or no such file in it.
    """
    match = _FILE.fullmatch(name)
    if match is None:
        raise ValueError(f"{key}: {name!r} is not of the form package:file")
    package, wanted = match.groups()
    module = _imported(key, name, package)
    if not hasattr(module, "__path__"):
        raise ValueError(f"{key}: {name}: {package} is a module, not a package that can hold files")
    path = importlib.resources.files(module).joinpath(wanted)
    if not path.is_file():
        beside = path.parent if isinstance(path, Path) else importlib.resources.files(module)
        files = sorted(p.name for p in beside.iterdir() if p.is_file()) if beside.is_dir() else []
        raise ValueError(f"{key}: package {package} has no file {wanted!r}{closest(Path(wanted).name, files)}")
    if not isinstance(path, Path):
        raise ValueError(f"{key}: package {package} lies in an archive; install it unpacked")
    return path


def _attribute(key: str, name: str) -> Any:
    match = _CODE.fullmatch(name)
    if match is None:
        raise ValueError(f"{key}: {name!r} is not of the form package.module:Name")
    module, wanted = match.groups()
    imported = _imported(key, name, module)
    if not hasattr(imported, wanted):
        raise ValueError(f"{key}: module {module} has no {wanted!r}{closest(wanted, _public(imported))}")
    return getattr(imported, wanted)


def _imported(key: str, name: str, module: str) -> ModuleType:
    """Imports a module; an error of its own code, other than of imports and syntax, keeps its traceback."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise ValueError(f"{key}: {name}: cannot import {module}: {error}") from error
        remedy = "install the package, or put the folder that holds it on PYTHONPATH"
        raise ValueError(f"{key}: {name}: there is no module {error.name}; {remedy}") from error
    except ImportError as error:
        raise ValueError(f"{key}: {name}: cannot import {module}: {error}") from error
    except SyntaxError as error:
        where = f"{error.filename}, line {error.lineno}"
        raise ValueError(f"{key}: {name}: cannot import {module}: {where}: {error.msg}") from error


def _public(module: ModuleType) -> list[str]:
    return [name for name in vars(module) if not name.startswith("_")]


def _path(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _described(found: object) -> str:
    if isinstance(found, type):
        return f"the class {_path(found)}"
    kind = type(found).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"
