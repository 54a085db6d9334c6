"""What flows from step to step: each kind of artifact knows the names of its files.

These are for reading. :class:`sfray.store.artifact.Artifact` is the folder while it is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sfray.io.files import read_json
from sfray.store.manifest import Manifest


@dataclass(frozen=True)
class Kind:
    """A finished artifact. Plain data: it travels to actors.

    Attributes:
        path: Its folder.
        part: The part of it that is meant, one of ``parts``.
    """

    path: Path
    part: str = ""

    parts: ClassVar[tuple[str, ...]] = ()
    """The parts that a reader must choose from."""

    @property
    def manifest(self) -> Manifest:
        """What it says of itself."""
        return Manifest.read(self.path / "manifest.json")


@dataclass(frozen=True)
class Questions(Kind):
    """The questions of one split. The row groups of its file are the shards of whatever reads it."""

    parts: ClassVar[tuple[str, ...]] = ("sft", "rl", "eval")

    @property
    def file(self) -> Path:
        """Parquet file of :class:`sfray.records.Question` rows."""
        return self.path / f"{self.part}.parquet"

    @property
    def shards(self) -> int:
        """Number of row groups."""
        from sfray.io.parquet import row_groups

        return row_groups(self.file)


@dataclass(frozen=True)
class Sharded(Kind):
    """An artifact in parts, one for each shard of the questions."""

    def shard(self, number: int) -> Path:
        """Parquet file of a shard."""
        return self.path / f"part-{number:05d}.parquet"

    @property
    def files(self) -> list[Path]:
        """The Parquet files in order."""
        return sorted(self.path.glob("part-*.parquet"), key=lambda p: int(p.stem.removeprefix("part-")))


@dataclass(frozen=True)
class Attempts(Sharded):
    """Judged attempts: :class:`sfray.records.Attempt` rows."""


@dataclass(frozen=True)
class Reflections(Sharded):
    """Reflections on attempts: :class:`sfray.records.Reflection` rows."""

    @property
    def lazy(self) -> bool:
        """Whether they are those that the steps which read them need, and not those on all usable attempts."""
        return bool(self.manifest.config.get("demands"))


@dataclass(frozen=True)
class Segments(Sharded):
    """Segments of one skill: :class:`sfray.records.SkillSegment` rows."""

    @property
    def skill(self) -> str:
        """Name of the skill."""
        return str(self.manifest.config["segments"]["skill"])


@dataclass(frozen=True)
class Traces(Sharded):
    """What a model is fine-tuned on: :class:`sfray.records.Trace` rows."""

    @property
    def recognised(self) -> bool:
        """Whether the folder holds traces, whatever stage made it: its parts have their columns."""
        import pyarrow.parquet as pq

        from sfray.io.arrow import holds
        from sfray.records import Trace

        parts = self.files
        return bool(parts) and holds(Trace, pq.read_schema(parts[0]).names)


@dataclass(frozen=True)
class Responses(Sharded):
    """One model's judged answers to evaluation questions: :class:`sfray.records.Completion` rows."""


@dataclass(frozen=True)
class Model(Kind):
    """A model: a folder of this artifact, or one that lies elsewhere and is only named here."""

    @property
    def source(self) -> str:
        """``tiny``, a folder or a hub name, as :func:`sfray.models.folder.resolve` takes it."""
        trained = self.path / "model"
        return str(trained.resolve()) if trained.is_dir() else str(self.manifest.metrics["path"])


@dataclass(frozen=True)
class Quality(Kind):
    """Figures of attempts and reflections."""

    @property
    def figures(self) -> dict[str, Any]:
        """The content of ``quality.json``."""
        return dict(read_json(self.path / "quality.json"))


@dataclass(frozen=True)
class Results(Kind):
    """Accuracies of models and their differences."""

    @property
    def figures(self) -> dict[str, Any]:
        """The content of ``results.json``."""
        return dict(read_json(self.path / "results.json"))
