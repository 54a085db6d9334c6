"""Hydra composition with errors that name the full key and the nearest valid one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sfray.config import Config
from sfray.validation import ConfigError, keys, mappings, nearest, parse

CONF = Path(__file__).resolve().parent.parent / "conf"
"""The config tree of the checkout."""


def composed(overrides: Sequence[str] = (), conf: Path = CONF) -> dict[str, Any]:
    """Composes ``conf/config.yaml`` with overrides into plain containers.

    Raises:
        ConfigError: An override is not one, or names a key or option that does not exist.
    """
    conf = conf.resolve()
    if not (conf / "config.yaml").is_file():
        raise ConfigError([f"no config tree at {conf}; run from a checkout or pass --conf"])
    try:
        with initialize_config_dir(str(conf), version_base="1.3"):
            config = compose("config", list(overrides))
            return OmegaConf.to_container(config, resolve=True)  # type: ignore[return-value]
    except OverrideParseException as error:
        reason = str(error).splitlines()[0]
        raise ConfigError([f"{error.override}: cannot be read: {reason}; quote what holds = , [ or spaces"]) from error
    except (ConfigCompositionException, OmegaConfBaseException, ValueError) as error:  # Hydra raises all three
        raise ConfigError([_explained(error, overrides)]) from error


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


def _explained(error: Exception, overrides: Sequence[str]) -> str:
    message = str(error).splitlines()[0]
    named = {override: override.partition("=")[0].lstrip("+~") for override in overrides}
    # A group's name may be part of another override's key: the most exact match is the one that is meant.
    exact = [o for o, key in named.items() if re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.])", message)]
    loose = [o for o, key in named.items() if key.rpartition(".")[2] in message]
    for override in sorted(exact, key=len, reverse=True) or sorted(loose, key=len, reverse=True):
        key = named[override]
        if override.startswith("+") and "already" in message:
            return f"{key}: there is a value to change already; leave out the +"
        options = _options(key)
        if options:
            return f"{override}: no such option; conf/{key} has {', '.join(options)}"
        if key in keys() or any(key.startswith(f"{k}.") for k in mappings()):
            return f"{key}: not among the keys that this option sets; add it with +{override.lstrip('+')}"
        return f"{key}: no such key{nearest(key)}"
    return message


def _options(group: str) -> list[str]:
    folder = CONF / group
    return sorted(str(p.relative_to(folder).with_suffix("")) for p in folder.rglob("*.yaml")) if folder.is_dir() else []
