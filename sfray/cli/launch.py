"""From a command line to a run or a sweep: what ``python launch.py`` and ``sfray run`` share."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from sfray.compose import CONF, check_overrides, composed
from sfray.compose.overrides import parsed
from sfray.config.validation import ConfigError, parse
from sfray.errors import interruptible, reported, unwind_on_sigterm
from sfray.io.userfiles import located
from sfray.progress import errors
from sfray.store.failure import record
from sfray.store.folder import place_problems


def launch(arguments: Sequence[str]) -> None:
    """Composes a config and runs it, or each job of a sweep in turn.

    A job of a sweep that fails does not keep the others from running; the failed ones are listed at the end.

    Args:
        arguments: Hydra's command line: overrides and flags.

    Raises:
        SystemExit: With status 1, when the run or a job of the sweep failed; after Ctrl-C or SIGTERM with theirs.
    """
    with reported():
        with _recorded(arguments):
            check_overrides(arguments)
        own, rest = split_config_dir(arguments)
    failed: list[str] = []

    @hydra.main(config_path=str(own or CONF), config_name="config", version_base="1.3")
    def job(composed: DictConfig) -> None:
        """One run of the sweep."""
        _run(composed, rest, failed)

    # Hydra reads its command line from nowhere else. Its --config-dir comes after the main folder,
    # so a user's own folder becomes the main one and ours the one after it.
    sys.argv[1:] = [*rest, *(("--config-dir", str(CONF)) if own else ())]
    unwind_on_sigterm()
    try:
        with interruptible():
            job()
    finally:
        if failed:
            errors.print("[bold red]These jobs of the sweep failed[/]; the others ran:")
            errors.print("\n".join(f"  {name}" for name in failed), markup=False)
    if failed:
        sys.exit(1)


def split_config_dir(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Splits a command line into the folder that its ``--config-dir`` names, if any, and the rest.

    Raises:
        ConfigError: There is no such folder.
    """
    rest, folder = list(arguments), None
    for at, text in enumerate(arguments):
        flag, equals, value = text.partition("=")
        if flag in ("--config-dir", "-cd"):
            folder = value if equals else "".join(arguments[at + 1 : at + 2])
            del rest[at : at + (1 if equals else 2)]
            break
    if folder is None:
        return None, rest
    if not folder or not Path(folder).is_dir():
        raise ConfigError([f"--config-dir: no folder {folder!r}"])
    return Path(folder).resolve(), rest


def name_in_sweep(name: str, job: Sequence[str], arguments: Sequence[str]) -> str:
    """The name of a run with the values that set it apart from the other jobs of its sweep.

    Args:
        name: The name that all jobs share.
        job: The overrides of this job, each with one value.
        arguments: The overrides of the sweep, some with several values.
    """
    swept = set(map(_swept_key, arguments))
    values = [(o.key_or_group, o.get_value_string()) for o in map(parsed, job) if o.key_or_group in swept]
    parts = [value if key == "method" else key.rpartition(".")[2] + value for key, value in values]
    return "-".join([name, *(re.sub(r"[^\w.-]+", "_", part).strip("_") for part in parts)])


def _swept_key(text: str) -> str | None:
    """The key of an override with several values; None for one with a single value, and for Hydra's flags."""
    if text.startswith("-"):
        return None
    override = parsed(text)
    return override.key_or_group if override.is_sweep_override() else None


def _run(composed: DictConfig, arguments: Sequence[str], failed: list[str]) -> None:
    """Runs one job; in a sweep, a failed one is noted instead of ending the process."""
    from sfray import pipeline
    from sfray.report import page

    is_sweep = HydraConfig.get().mode is RunMode.MULTIRUN
    name = " ".join(HydraConfig.get().overrides.task)
    if is_sweep:
        if not OmegaConf.is_interpolation(composed.run, "name") and "run.name" not in map(_swept_key, arguments):
            composed.run.name = name_in_sweep(composed.run.name, HydraConfig.get().overrides.task, arguments)
        failed.append(name)  # until it has succeeded: of other errors Hydra keeps the first, and runs the other jobs
    try:
        with reported():
            config = parse(OmegaConf.to_container(composed, resolve=True))  # type: ignore[arg-type]
            pipeline.run(config)
            page.write(pipeline.run_folder(config), config)
    except SystemExit:
        if not is_sweep:
            raise
        return
    if is_sweep:
        failed.remove(name)


@contextlib.contextmanager
def _recorded(arguments: Sequence[str]) -> Iterator[None]:
    """Keeps at a run why its config is refused, for ``sfray why``; nowhere if the command does not say which run."""
    try:
        yield
    except ConfigError as error:
        with contextlib.suppress(ConfigError, OSError):
            run = composed(arguments)["run"]
            if not any(place_problems(run["name"], run["dir"])):
                record(located(run["dir"]).resolve() / run["name"], "", error)
        raise
