"""One override of a command line: what is wrong with it, whatever the rest of the config is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException

from sfray.config.validation import keys, mappings, nearest


@cache
def parsed(text: str) -> Override:
    """An override, read by Hydra's grammar.

    Raises:
        hydra.errors.HydraException: The text is not an override.
    """
    return OverridesParser.create().parse_override(text)


def problems(text: str, conf: Path, more: Callable[[], list[str]], elsewhere: bool = False) -> Iterator[str]:
    """Yields what is wrong with an override.

    Args:
        text: The override.
        conf: The config tree, for its groups.
        more: Finds the keys beside those of the schema that may have been meant.
        elsewhere: Whether options may also come from outside the tree, from Hydra's search path.
    """
    try:
        override = parsed(text)
    except HydraException as error:
        yield f"{text}: cannot be read: {_unreadable(text, str(error))}"
        return
    key, package = override.key_or_group, override.package
    group = package is None and is_group(key, conf)
    if not key:
        yield f"{text}: no key before the ="
    elif override.is_sweep_override():
        is_list = override.is_choice_sweep() and not group and "(" not in text
        hint = f"; a list is {key}=[{text.partition('=')[2]}]" if is_list else ""
        yield f"{text}: several values make a sweep, for launch.py -m{hint}"
    elif group:
        yield from _option_problems(text, override, conf, elsewhere)
    elif package is None and not is_key(key):
        yield f"{key}: no such key{nearest(key.replace('/', '.'), more())}"


def groups(conf: Path) -> list[str]:
    """The groups of a config tree."""
    return sorted(p.name for p in conf.iterdir() if p.is_dir())


def is_group(key: str, conf: Path) -> bool:
    """Whether a key names a group of a config tree: ``experiment``, or ``experiment/paper`` inside it."""
    return any(key == p.relative_to(conf).as_posix() for p in conf.glob("*/**"))


def is_key(key: str) -> bool:
    """Whether the schema or Hydra has a key, or the user may choose its name; a list's items count as keys."""
    item = re.sub(r"(\.\d+)+$", "", key)
    return item in keys() or any(key.startswith(f"{m}.") for m in mappings()) or re.split(r"[./]", key)[0] == "hydra"


def _unreadable(text: str, reason: str) -> str:
    if "=" not in text:
        return "no = in it; an override is key=value, in quotes where it holds spaces"
    if re.match(r"[^=]*\[\d+\]", text):
        return "a list's items are counted with dots, as in key.0=value"
    return f"{reason.partition(' expecting ')[0]}; quote what holds = , [ or spaces"


def _option_problems(text: str, override: Override, conf: Path, elsewhere: bool) -> Iterator[str]:
    """What is wrong with the choice of a file of a group."""
    group, value = override.key_or_group, override.value()
    if override.type is OverrideType.DEL or isinstance(value, dict):
        return
    options = _options(conf / group)
    there = f"{conf.name}/{group} has {', '.join(options)}"
    if isinstance(value, list) and group.partition("/")[0] == "experiment":
        yield from (f"{text}: {name!r} names no option; {there}" for name in value if not isinstance(name, str))
    elif isinstance(value, list):
        # Of several files the last would win key by key; only experiments are made to be laid over each other.
        yield f"{text}: one option is wanted; {there}"
    elif not elsewhere and "${" not in str(value) and str(value).removesuffix(".yaml") not in options:
        hint = f"; did you mean {text.partition('=')[0]}={near}?" if (near := _nearest(str(value), options)) else ""
        yield f"{text}: no such option; {there}{hint}"


def _nearest(wrong: str, options: list[str]) -> str | None:
    """The option that was meant, by its whole name or by that of its file, in capitals or not."""
    names = {name.rpartition("/")[2].lower(): name for name in options} | {name.lower(): name for name in options}
    whole, last = wrong.lower(), wrong.lower().rpartition("/")[2]
    close = difflib.get_close_matches(whole, names, n=1) or difflib.get_close_matches(last, names, n=1, cutoff=0.65)
    return names[close[0]] if close else None


def _options(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder).with_suffix("")) for p in folder.rglob("*.yaml"))
