"""``sfray tune``: a short sweep of an engine's settings, and the table's entry that comes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sfray.config import Config, EngineConfig
from sfray.costs.entry import Entry
from sfray.costs.trial import Measured, loads, rates, tokens_per_second
from sfray.errors import REFUSED
from sfray.io.files import read_json, write_json
from sfray.progress import Bar, console
from sfray.sampling.engine import environment
from sfray.store.manifest import versions

TRIAL_SECONDS = 1800.0
"""Longest trial: a large model's first compilation takes minutes."""

VARIED = ("max_num_seqs", "max_num_batched_tokens", "tensor_parallel")
"""The settings of an engine that are tried."""


class NothingMeasured(RuntimeError):
    """Every trial failed."""

    exit_status = REFUSED


def trials(own: EngineConfig, gpus: int) -> list[EngineConfig]:
    """The sweep: the config's own settings first, then one changed at a time.

    Args:
        own: The config's engine.
        gpus: GPUs of this machine.
    """
    if own.device == "cpu":
        tried = [own, replace(own, max_num_seqs=64)]
    else:
        tried = [own, replace(own, max_num_seqs=256), replace(own, max_num_batched_tokens=8192)]
        tried += [replace(own, tensor_parallel=n) for n in (1, 2) if n <= gpus]
    return [engine for i, engine in enumerate(tried) if engine not in tried[:i]]


def varied(engine: EngineConfig) -> dict[str, Any]:
    """What of an engine's settings is tried."""
    return {name: getattr(engine, name) for name in VARIED}


def request(config: Config, engine: EngineConfig) -> dict[str, Any]:
    """What a trial is asked for; together with the versions of the packages, what it is known by."""
    return {"path": config.model.path, "model": asdict(config.model), "engine": asdict(engine)}


def sweep(config: Config, tried: Sequence[EngineConfig], kept: Path) -> dict[int, Measured]:
    """Measures each setting, one engine at a time; what was measured before is not measured again.

    Args:
        config: The config.
        tried: The settings.
        kept: File of all measurements so far.

    Returns:
        Number of each setting that worked -> what was measured.
    """
    known: dict[str, Any] = read_json(kept) if kept.exists() else {}
    found: dict[int, Measured] = {}
    with Bar("tune", len(tried), "trials") as bar:
        for i, engine in enumerate(tried):
            asked = request(config, engine)
            key = json.dumps([asked, versions()], sort_keys=True)
            if key not in known and (answer := _tried(asked, engine)) is not None:
                known[key] = answer
                write_json(kept, known)
            if key in known:
                found[i] = Measured(known[key]["start"], tuple(known[key]["seconds"]))
            bar.advance(f"{varied(engine)}")
    return found


def _tried(asked: Mapping[str, Any], engine: EngineConfig) -> dict[str, Any] | None:
    """What a trial in a process of its own measured; None, and a line that says why, where it failed."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "sfray.costs.trial"],
            input=json.dumps(asked),
            env=os.environ | environment(engine),
            capture_output=True,
            text=True,
            check=True,
            timeout=TRIAL_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no word"])[-1]
        console.print(f"{varied(engine)} failed with status {error.returncode}: {last}", style="yellow", markup=False)
        return None
    except subprocess.TimeoutExpired:
        console.print(f"{varied(engine)} took more than {TRIAL_SECONDS:,.0f} s", style="yellow", markup=False)
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def speeds(config: Config, tried: Sequence[EngineConfig], found: Mapping[int, Measured]) -> dict[int, float]:
    """Generated tokens a second of each setting that worked, for each GPU (or engine on CPU)."""
    context = config.model.context
    return {
        i: tokens_per_second(loads(tried[i].max_num_seqs, context), one) / tried[i].tensor_parallel
        for i, one in found.items()
    }


def tuned(
    config: Config,
    tried: Sequence[EngineConfig],
    found: Mapping[int, Measured],
    others: Entry,
    hardware: str,
    parameters: int,
) -> tuple[Entry, EngineConfig]:
    """The entry of the fastest setting, and the setting. Training's rates and lengths are those of ``others``.

    Raises:
        NothingMeasured: No setting worked.
    """
    if not found:
        raise NothingMeasured("sfray tune: every trial failed; the lines above say why")
    fastest = speeds(config, tried, found)
    best = tried[max(fastest, key=fastest.__getitem__)]
    asked = loads(best.max_num_seqs, config.model.context)
    entry = Entry(
        name=f"{hardware}, {Path(config.model.path).name}, tuned",
        hardware=hardware,
        cores=(os.cpu_count() or 0) if hardware == "cpu" else 0,
        parameters=parameters,
        measured=time.strftime("%Y-%m-%d"),
        source=f"sfray tune, one engine alone on this machine; training: {others.name}"
        + ("" if others.measured else " (an estimate by formula)"),
        rates=rates(asked, found[tried.index(best)], best.max_num_seqs, others.rates),
        engine=varied(best),
        lengths=others.lengths,
    )
    return entry, best
