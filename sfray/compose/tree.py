"""Hydra composition with errors that name the full key and the nearest valid one."""

from __future__ import annotations

import dataclasses
import difflib
import re
import shlex
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import OverrideType
from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import ConfigTypeError, InterpolationKeyError, OmegaConfBaseException

from sfray.compose.overrides import groups, is_group, is_key, parsed, problems
from sfray.config import Config
from sfray.config.validation import ConfigError, nearest, parse
from sfray.tasks.registry import FAMILIES, build, family
from sfray.tasks.task import Task


def _conf() -> Path:
    """The config tree: inside the package where a wheel put it, else beside the package, in the checkout."""
    package = Path(__file__).resolve().parents[1]
    # A checkout has no sfray/conf; a folder of installed packages may well hold a conf of another project.
    installed = package / "conf"
    return installed if (installed / "config.yaml").is_file() else package.parent / "conf"


CONF = _conf()
"""The config tree that ships with sfray: the checkout's or the installed one."""

_REFUSALS = (ConfigCompositionException, OmegaConfBaseException, ValueError, TypeError)
"""What Hydra raises where a tree and its overrides do not fit together."""

_CHOOSING = ("task.name", "hydra.searchpath")
"""The keys beside the groups that decide which task is chosen."""


def composed(overrides: Sequence[str] = (), conf: Path = CONF) -> dict[str, Any]:
    """Composes ``conf/config.yaml`` with overrides into plain containers.

    Raises:
        ConfigError: An override is not one, or names a key or option that does not exist;
            or a file of the tree cannot be read.
    """
    conf = conf.resolve()
    if not (conf / "config.yaml").is_file():
        raise ConfigError([f"no config tree at {conf}; run from a checkout or pass --conf"])
    more = cache(partial(_more, overrides, conf))
    elsewhere = any(_target(text) == "hydra.searchpath" for text in overrides)
    if wrong := [line for text in overrides for line in problems(text, conf, more, elsewhere)]:
        raise ConfigError(wrong)
    try:
        return _tree(overrides, conf)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f"{mark.name}, line {mark.line + 1}" if mark else str(conf)
        raise ConfigError([f"{at}: {error.problem}"]) from error
    except _REFUSALS as error:
        raise ConfigError(_explained(error, overrides, conf).splitlines()) from error


def load(overrides: Sequence[str] = (), conf: Path = CONF) -> Config:
    """Composes and types a config."""
    return parse(composed(overrides, conf))


def check_overrides(arguments: Sequence[str]) -> None:
    """Composes the overrides of a command line before Hydra does, for better errors.

    Sweeps and Hydra's own flags are left to Hydra.
    """
    if any(a.startswith("-") for a in arguments):
        return
    load(arguments)


def _tree(overrides: Sequence[str], conf: Path) -> dict[str, Any]:
    with initialize_config_dir(str(conf), version_base="1.3"):
        return OmegaConf.to_container(compose("config", list(overrides)), resolve=True)  # type: ignore[return-value]


def _more(overrides: Sequence[str], conf: Path) -> list[str]:
    """The keys that a tree has beside those of the schema: its groups, and the options of the chosen task."""
    task = _family(overrides, conf)
    return groups(conf) + [f"task.options.{f.name}" for f in (dataclasses.fields(task.Options) if task else ())]


def _family(overrides: Sequence[str], conf: Path) -> type[Task] | None:
    """The task family that the overrides choose, whatever else is wrong with them."""
    choosing = [o for o in overrides if (key := _target(o)) in _CHOOSING or is_group(key, conf)]
    try:
        return family(str(_tree(choosing, conf)["task"]["name"]))
    except (*_REFUSALS, KeyError):
        return None


def _target(text: str) -> str:
    """The key that an override sets, be the override readable or not."""
    return text.partition("=")[0].lstrip("+")


def _explained(error: Exception, overrides: Sequence[str], conf: Path) -> str:
    """What Hydra or OmegaConf says against overrides that are right in themselves, or against a file."""
    message, *rest = str(error).splitlines()
    where = getattr(error, "full_key", None) or getattr(error.__cause__, "full_key", None)
    if isinstance(error, MissingConfigException):
        return f"{message}; there are {', '.join(error.options)}" if error.options else message
    if isinstance(error, InterpolationKeyError):
        wrong = message.split("'")[1]
        return f"{where}: {message}{nearest(wrong)}"
    if message.startswith("In '"):  # a file's own mistake
        return f"{message} {rest[0]}" if message.endswith(":") and rest else message
    text = _left_out_item(overrides) if message.startswith("list indices") else _culprit(message, overrides)
    if text is None:
        return f"{where}: {message}" if where else message
    key = parsed(text).key_or_group
    at = where if where and where.startswith(f"{key}.") else key
    return _refusal(text, at, error, partial(_against_options, overrides, conf))


def _left_out_item(overrides: Sequence[str]) -> str | None:
    """The override that leaves out an item of a list."""
    return next((t for t in overrides if t.startswith("~") and re.search(r"\.\d+$", parsed(t).key_or_group)), None)


def _culprit(message: str, overrides: Sequence[str]) -> str | None:
    """The override that a message of Hydra's is about."""
    named = {text: parsed(text).key_or_group for text in overrides}
    exact = [
        text
        for text, key in named.items()
        if any(mark in message for mark in (f"'{key}'", f"'{key}=", f"'{text}'"))
        or message.endswith(f"override {text}")
        or (text.startswith("+") and re.search(rf"(?<![\w.]){re.escape(key)}\b", message))
    ]
    last = [text for text, key in named.items() if f"'{key.rpartition('.')[2]}'" in message]
    return next(iter(exact + last), None)


def _refusal(text: str, at: str, error: Exception, against_options: Callable[[], str]) -> str:
    """Why a known key cannot be set like that.

    Args:
        text: The override.
        at: Its key, or the one below it at which Hydra stopped.
        error: What Hydra raised.
        against_options: Asks the task about its options.
    """
    override, message = parsed(text), str(error).splitlines()[0]
    if message.startswith("list indices"):
        return f"{at}: no item of a list can be left out; give the whole list, {at.rpartition('.')[0]}=[…]"
    if override.type is OverrideType.DEL:
        return f"{at}: nothing there to leave out" if "not exist" in message or "No match" in message else message
    if text.startswith("+") and re.search("already|Multiple values|more than once|force-add", message):
        return f"{override.key_or_group}: there is a value to change already; leave out the +"
    if isinstance(error.__cause__, ConfigTypeError):
        wanted = "a list" if isinstance(override.value(), dict) else "a group of keys"
        return f"{at}: expected {wanted}, got {override.value()}"
    if not message.startswith("Could not override"):
        return f"{at}: {str(error.__cause__ or error).splitlines()[0]}"
    if at.startswith("hydra"):
        return f"{at}: Hydra has no such key"
    if "No match in the defaults list" in message:
        return f"{at}: not among the defaults of config.yaml; add it with +{text}"
    if not is_key(at):
        return f"{at}: no such key{nearest(at)}"
    if at.startswith("task.options.") and (wrong := against_options()):
        return wrong
    name = at.removeprefix("evaluate.n_by_task.")
    if name != at and name not in FAMILIES:
        close = [at.removesuffix(name) + task for task in difflib.get_close_matches(name, FAMILIES, n=1)]
        return f"{at}: no such task; " + (f"did you mean {close[0]}?" if close else f"there are {', '.join(FAMILIES)}")
    return f"{at}: not among the keys that this option sets; add it with {_quoted(f'+{text}')}"


def _against_options(overrides: Sequence[str], conf: Path) -> str:
    """What the chosen task says against its options, were they all set as the overrides wish."""
    forced = [f"++{text}" if _is_change(text, conf) else text for text in overrides]
    try:
        task = _tree(forced, conf)["task"]
    except _REFUSALS:  # over something else
        return ""
    try:
        build(str(task["name"]), task["options"])
    except ValueError as error:
        return str(error)
    return ""


def _is_change(text: str, conf: Path) -> bool:
    key = parsed(text).key_or_group
    return parsed(text).type is OverrideType.CHANGE and not is_group(key, conf) and not key.startswith("hydra")


def _quoted(text: str) -> str:
    """A word of a command line; square brackets stay as users write them."""
    return shlex.quote(text) if re.search(r"[\s{}'\"$]", text) else text
