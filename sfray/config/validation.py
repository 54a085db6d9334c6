"""From a composed config to a typed one: unknown keys, wrong types, impossible combinations.

Imports neither torch, ray nor vllm, so a config is judged in well under a second.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sfray import prompts
from sfray.config import Config
from sfray.config.marks import out_of_bounds
from sfray.config.training import grpo_problems, sft_problems
from sfray.names import closest
from sfray.store.folder import place_problems


class ConfigError(ValueError):
    """One or more things are wrong with a config; each line names the full key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def parse(raw: Mapping[str, Any]) -> Config:
    """Types a composed config.

    Args:
        raw: Plain containers, as ``OmegaConf.to_container`` gives them.

    Raises:
        ConfigError: Unknown keys (with the nearest valid one), wrong types, or
            combinations that cannot work, all of them at once.
    """
    problems: list[str] = []
    config = _build(Config, raw, "", problems)
    if problems:
        raise ConfigError(problems)
    assert isinstance(config, Config)  # noqa: S101 - narrows the type
    problems = list(validate(config))
    if problems:
        raise ConfigError(problems)
    return config


def typed(cls: type, values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Values of some of a dataclass's fields, each of its field's type.

    Args:
        cls: The dataclass.
        values: Field -> value, in plain containers.
        prefix: What precedes a field's name in an error.

    Raises:
        ConfigError: A value is not of its type.
    """
    hints = typing.get_type_hints(cls)
    problems: list[str] = []
    found = {k: _value(hints[k], v, f"{prefix}{k}", problems) for k, v in values.items()}
    if problems:
        raise ConfigError(problems)
    return found


def keys(cls: type = Config, prefix: str = "") -> Iterator[str]:
    """Every valid dotted key, groups included."""
    hints = typing.get_type_hints(cls)
    for f in dataclasses.fields(cls):
        yield prefix + f.name
        if dataclasses.is_dataclass(hints[f.name]):
            yield from keys(typing.cast(type, hints[f.name]), f"{prefix}{f.name}.")


def mappings(cls: type = Config, prefix: str = "") -> Iterator[str]:
    """Every key that holds names of the user's own."""
    for name, hint in typing.get_type_hints(cls).items():
        if dataclasses.is_dataclass(hint):
            yield from mappings(typing.cast(type, hint), f"{prefix}{name}.")
        elif typing.get_origin(hint) is dict:
            yield prefix + name


def nearest(key: str, more: Iterable[str] = ()) -> str:
    """A hint that names the valid keys nearest to a misspelt one, or nothing.

    Args:
        key: What was written.
        more: Keys that are valid beside those of the schema, as a task's options are.
    """
    valid = dict.fromkeys([*keys(), *more])
    group, _, last = key.lower().rpartition(".")
    siblings = {k.rpartition(".")[2]: k for k in valid if k.rpartition(".")[0] == group}
    close = [siblings[name] for name in difflib.get_close_matches(last, siblings, n=2, cutoff=0.65)]
    if not close:
        close = _namesakes(group, [k for k in valid if k.rpartition(".")[2] == last])
    if not close:
        close = difflib.get_close_matches(key.lower(), valid, n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _namesakes(group: str, found: list[str]) -> list[str]:
    """Keys with the same last name: the one whose group was misspelt, else those of the nearest groups."""
    alike = {k: difflib.SequenceMatcher(None, group, k.rpartition(".")[0]).ratio() for k in found}
    found = sorted(found, key=lambda k: -alike[k])
    return found[:1] if found and alike[found[0]] > 0.8 else found[:2]


def _build(cls: type, raw: object, prefix: str, problems: list[str]) -> object | None:
    where = prefix.rstrip(".") or "config"
    if not isinstance(raw, Mapping):
        problems.append(f"{where}: expected a group of keys, got {raw!r}")
        return None
    hints = typing.get_type_hints(cls)
    names = {f.name for f in dataclasses.fields(cls)}
    for key in raw:
        if key not in names:
            problems.append(f"{prefix}{key}: no such key{nearest(f'{prefix}{key}')}")
    before = len(problems)
    values = {k: _value(hints[k], v, f"{prefix}{k}", problems) for k, v in raw.items() if k in names}
    return cls(**values) if len(problems) == before else None


def _value(hint: Any, value: object, key: str, problems: list[str]) -> object:
    if value == "???":  # how a YAML file says that the user must give a value
        problems.append(f"{key}: must be given")
        return None
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast(type, hint), value, f"{key}.", problems)
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    origin = typing.get_origin(hint)
    if origin is list and isinstance(value, list | tuple):
        (inner,) = typing.get_args(hint)
        return [_value(inner, v, f"{key}[{i}]", problems) for i, v in enumerate(value)]
    if origin is dict and isinstance(value, Mapping):
        inner = typing.get_args(hint)[1]
        return {k: v if inner is Any else _value(inner, v, f"{key}.{k}", problems) for k, v in value.items()}
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            problems.append(f"{key}: expected a finite number, got {value}")
            return None
        return float(value)
    if hint is str and type(value) is int:
        return str(value)
    if hint is str and type(value) is float:  # 1e3 has become 1000.0 by now
        problems.append(f"{key}: {value} was read as a number; quote it: \"{key}='…'\"")
        return None
    if origin is None and type(value) is hint:
        return value
    wanted = getattr(hint, "__name__", str(hint)) if origin is None else str(hint)
    problems.append(f"{key}: expected {wanted}, got {value!r}")
    return None


def validate(config: Config) -> Iterator[str]:
    """Yields a line for each thing that cannot work, whatever the method is."""
    yield from _names(config)
    yield from value_problems(config)
    yield from _questions(config)
    yield from _resources(config)


def value_problems(config: Config) -> Iterator[str]:
    """Yields a line for each value, or pair of values, that cannot work; a step may set some of them for itself."""
    yield from _choices(config)
    yield from out_of_bounds(config)
    yield from _variants(config)
    yield from _decoding(config)
    yield from sft_problems(config.sft)
    yield from grpo_problems(config.grpo)
    yield from _samples(config)
    yield from _lengths(config)


LOGGERS = (
    "wandb",
    "mlflow",
    "swanlab",
    "vemlp_wandb",
    "tensorboard",
    "console",
    "clearml",
    "trackio",
    "file",
    "rl_insight",
)
"""Where verl can log: ``Tracking.supported_backend`` of its ``utils/tracking.py``, version 0.9.1."""


def _choices(config: Config) -> Iterator[str]:
    for key, value, valid in (*((f"grpo.logger[{i}]", name, LOGGERS) for i, name in enumerate(config.grpo.logger)),):
        if value not in valid:
            yield f"{key}: {value!r} is not one of {', '.join(valid)}{closest(value, valid)}"
    address = config.cluster.address
    if address not in ("local", "auto") and not _ADDRESS.fullmatch(address):
        yield f"cluster.address: {address!r} is not local, auto, HOST:PORT or ray://HOST:PORT"
    lists = ("sample.variants", "reflect.variants")
    yield from (f"{key}: at least one is needed" for key in lists if not lookup(config, key))
    for key in (*lists, "trace.variants", "steps"):
        values = lookup(config, key) or []
        for value in dict.fromkeys(v for v in values if values.count(v) > 1):
            yield f"{key}: {value!r} is given {values.count(value)} times"


_ADDRESS = re.compile(r"(ray://)?[^\s:/]+:\d+")


def _names(config: Config) -> Iterator[str]:
    yield from place_problems(config.run.name, config.run.dir)


def _questions(config: Config) -> Iterator[str]:
    for split in ("sft", "rl", "eval"):
        wanted = lookup(config, f"task.{split}")
        if wanted.count > 0 and not wanted.levels:
            yield f"task.{split}.levels: {wanted.count} questions need at least one level"


def _samples(config: Config) -> Iterator[str]:
    for task, n in config.evaluate.n_by_task.items():
        if n < 1:
            yield f"evaluate.n_by_task.{task}: {n} must be at least 1"
    forced, first = config.evaluate.force_to, config.evaluate.max_tokens
    if forced is not None and forced <= first:
        yield f"evaluate.force_to: {forced} is not over evaluate.max_tokens = {first}, where the forcing begins"


def _variants(config: Config) -> Iterator[str]:
    try:
        words = prompts.load(config.prompts)
    except ValueError as error:
        yield str(error)
        return
    for key, names, valid in (
        ("sample.variants", config.sample.variants, list(words.solve)),
        ("reflect.variants", config.reflect.variants, list(words.reflect)),
    ):
        for i, name in enumerate(names):
            if name not in valid:
                has = f"prompts={config.prompts} has {', '.join(valid)}"
                yield f"{key}[{i}]: no variant {name!r}, {has}{closest(name, valid)}"


def _decoding(config: Config) -> Iterator[str]:
    for group in ("sample", "reflect", "segments", "evaluate"):
        n, temperature = lookup(config, f"{group}.n"), lookup(config, f"{group}.temperature")
        if temperature == 0 and n > 1:
            yield f"{group}.n: {n} samples at {group}.temperature = 0 would be the same one {n} times"
    for group in ("engine", "grpo.rollout"):
        tokens, seqs = lookup(config, f"{group}.max_num_batched_tokens"), lookup(config, f"{group}.max_num_seqs")
        if tokens is not None and tokens < seqs:
            yield f"{group}.max_num_batched_tokens: {tokens} is below {group}.max_num_seqs = {seqs}"


def lookup(config: Config, key: str) -> Any:
    """The value at a dotted key."""
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _lengths(config: Config) -> Iterator[str]:
    context = config.model.context
    for key in ("sample.max_tokens", "reflect.max_tokens", "evaluate.max_tokens", "evaluate.force_to"):
        if (value := lookup(config, key) or 0) > context:
            yield f"{key}: {value} is over model.context = {context}"
    total = config.grpo.max_prompt + config.grpo.max_response
    if total > context:
        yield f"grpo.max_response: with grpo.max_prompt it makes {total}, over model.context = {context}"
    if config.sft.max_length > context:
        yield f"sft.max_length: {config.sft.max_length} is over model.context = {context}"
    if config.trace.max_tokens > config.sft.max_length:
        yield f"trace.max_tokens: {config.trace.max_tokens} is over sft.max_length = {config.sft.max_length}"


def _resources(config: Config) -> Iterator[str]:
    if config.engine.device == "cpu" and config.engine.kv_cache_gib == 0:
        yield "engine.kv_cache_gib: a CPU engine cannot do without"
    cpus = config.cluster.num_cpus
    if config.cluster.address == "local" and cpus is not None:
        wanted = config.engine.actors * config.engine.cpus_per_actor
        if wanted > cpus - 1:
            yield (
                f"engine.actors: {config.engine.actors} x engine.cpus_per_actor = {wanted:g} leaves less than one "
                f"CPU of cluster.num_cpus = {cpus} for reading and writing; the pool would wait for ever"
            )
        if (fewest := config.sft.fewest_workers) * config.sft.cpus_per_worker > cpus:
            yield f"{config.sft.fewest_key}: {fewest} x sft.cpus_per_worker is over cluster.num_cpus = {cpus}"
    gpus = config.cluster.num_gpus
    if config.engine.device == "cuda" and gpus is not None:
        wanted_gpus = config.engine.actors * config.engine.tensor_parallel
        if wanted_gpus > gpus:
            yield f"engine.actors: {wanted_gpus} GPUs are needed, cluster.num_gpus = {gpus}"
        if (fewest := config.sft.fewest_workers) > gpus:
            yield f"{config.sft.fewest_key}: {fewest} GPUs are needed, cluster.num_gpus = {gpus}"
        if config.grpo.nodes == 1 and config.grpo.ranks_per_node > gpus:
            yield f"grpo.ranks_per_node: {config.grpo.ranks_per_node} GPUs are needed, cluster.num_gpus = {gpus}"
