"""How many parameters a model has, told without downloading it."""

from __future__ import annotations

import re
from pathlib import Path

from sfray.config import Config
from sfray.config.validation import ConfigError
from sfray.models import named
from sfray.models.error import ModelError
from sfray.models.weights import parameters as stored

NAMED_MARGIN = 1.1
"""Names round down: Qwen2.5-7B has 7.62 billion parameters, Qwen2.5-1.5B has 1.54."""

_IN_A_NAME = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)[bB](?![A-Za-z0-9])")


def parameters(config: Config) -> int:
    """Parameters of the model at ``model.path``.

    ``deploy.parameters_billion`` wins; then a folder is asked for its weights, then a name for its number of billions.

    Raises:
        ConfigError: None of them tells, or the folder's weights cannot be read.
    """
    if (given := config.deploy.parameters_billion) is not None:
        return round(given * 1e9)
    path = config.model.path
    folder = named(path)
    if folder.is_dir():
        try:
            return stored(folder)
        except ModelError as error:
            raise ConfigError([f"model.path: {error}; or give deploy.parameters_billion"]) from error
    if found := _IN_A_NAME.findall(Path(path).name):
        return round(float(found[-1]) * NAMED_MARGIN * 1e9)
    raise ConfigError(
        [f"deploy.parameters_billion: must be given: {path!r} is no folder here, and its name does not tell the size"]
    )
