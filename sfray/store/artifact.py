"""An artifact's folder: shards written as they finish, a manifest last.

    runs/artifacts/sample/<fingerprint>/plan.json            what is to be made
                                        part-00000.parquet   shards, each renamed into place when whole
                                        rejects/00000.parquet
                                        epochs/000001        the drivers that opened it, :mod:`sfray.store.epochs`
                                        workers/…            who worked on it, :mod:`sfray.store.workers`
                                        rejects.parquet      all of them, written at the end
                                        manifest.json        written last: the artifact is done when it exists

A folder whose plan has the same fingerprint is resumed or reused; one that holds anything
else is refused.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sfray.errors import REFUSED, TRY_AGAIN
from sfray.io.arrow import schema, to_table
from sfray.io.files import read_json, remove, remove_leftovers, replacing, require_space, write_json
from sfray.io.parquet import is_whole, write_table
from sfray.records import Reject
from sfray.store import epochs, sessions, workers
from sfray.store.difference import difference
from sfray.store.fingerprint import of_step
from sfray.store.manifest import Manifest, versions

_log = logging.getLogger(__name__)

_FINGERPRINT = b"sfray.fingerprint"
"""Key of a part's own metadata: the fingerprint of the artifact that it belongs to."""


class ArtifactConflict(RuntimeError):
    """The folder of an artifact holds another one."""

    exit_status = REFUSED


class ArtifactIncomplete(RuntimeError):
    """The process that would finish an artifact does not see all that its workers wrote."""


class StageStalled(RuntimeError):
    """No shard finished for ``engine.timeout_minutes``."""

    exit_status = TRY_AGAIN

    def __init__(self, minutes: float) -> None:
        waited = (
            f"no shard finished for engine.timeout_minutes = {minutes:g}; the finished ones are kept, rerun to go on"
        )
        super().__init__(f"{waited}. Look at the Ray logs of the actors, or raise engine.timeout_minutes")


@dataclass(frozen=True)
class Artifact:
    """The folder of what one step makes. Plain data: it travels to actors.

    Attributes:
        path: The folder.
        stage: The kind of work that makes it.
        config: The settings that it depends on.
        inputs: Name of each input -> fingerprint, or label -> fingerprint for an input of several.
        claim: The right to write in it, from :meth:`open` on.
        run: The run that makes it, as metrics are tagged; no part of what it is.
        step: The step that makes it, likewise.
    """

    path: Path
    stage: str
    config: Mapping[str, Any]
    inputs: Mapping[str, Any]
    claim: epochs.Claim | None = field(default=None, compare=False, repr=False)
    run: str = field(default="", compare=False, repr=False)
    step: str = field(default="", compare=False, repr=False)

    @property
    def epoch(self) -> int:
        """Of the driver that has it open; 0 where nobody has."""
        return self.claim.epoch if self.claim is not None else 0

    @property
    def fingerprint(self) -> str:
        """Identity of the artifact: the hash of all that its step was given."""
        return of_step(self.stage, self.config, self.inputs)

    @property
    def plan_path(self) -> Path:
        """Where the plan goes."""
        return self.path / "plan.json"

    @property
    def _plan(self) -> dict[str, Any]:
        plan = {
            "stage": self.stage,
            "fingerprint": self.fingerprint,
            "config": dict(self.config),
            "inputs": dict(self.inputs),
        }
        return json.loads(json.dumps(plan))  # as it will be read back: tuples are lists there

    @property
    def done(self) -> bool:
        """Whether it is finished."""
        return self.manifest_path.exists() and Manifest.read(self.manifest_path).fingerprint == self.fingerprint

    @property
    def manifest_path(self) -> Path:
        """Where the manifest goes."""
        return self.path / "manifest.json"

    @property
    def manifest(self) -> Manifest:
        """The manifest of a finished artifact.

        Raises:
            FileNotFoundError: It is not finished.
        """
        return Manifest.read(self.manifest_path)

    def open(self) -> None:
        """Claims the folder, or resumes in it: what dead writers left is cleared away.

        From now on a driver that opened it before can write nothing more there. Another may have
        finished it by the time of the claim: it is ``done`` then.

        Raises:
            ArtifactConflict: It holds something else.
            DiskFull: There is too little room to begin.
        """
        if self.done:
            return
        require_space(self.path)
        if conflict := self._conflict():
            raise ArtifactConflict(conflict)
        # Set although frozen: the same object is what a stage is given, and what travels to its actors.
        object.__setattr__(self, "claim", epochs.claim(self.path, self.stage))
        if self.done:
            return
        remove_leftovers(self.path.parent, f".{self.path.name}.*.tmp")
        earlier = sessions.recorded(self.plan_path)
        self._clear()
        write_json(self.plan_path, self._plan | {"sessions": [*earlier, sessions.begin()]})

    def _conflict(self) -> str | None:
        """Why the folder cannot be resumed; None when it can, or is new."""
        if not self.plan_path.exists():
            if not (self.manifest_path.exists() or any(self.path.glob("*.parquet"))):
                return None
            return f"{self.path} holds files but no plan.json that says what made them; choose another folder"
        there = read_json(self.plan_path)
        if there["fingerprint"] == self.fingerprint:
            return None
        lines = difference(*({k: plan[k] for k in ("stage", "config", "inputs")} for plan in (there, self._plan)))
        return "\n".join([f"{self.path} holds something else; choose another folder:", *lines])

    def _clear(self) -> None:
        remove_leftovers(self.path)
        for file in (*self.parts(), *(self.path / "rejects").glob("*.parquet")):
            if problem := self._unusable(file):
                _log.warning("%s %s: its shard is made again", file, problem)
                remove(self.part(int(file.stem.removeprefix("part-"))))
                remove(file)

    def _unusable(self, file: Path) -> str | None:
        """Why a part or a shard's rejects cannot be kept; None when they can."""
        if not is_whole(file):
            return "is cut short"
        if file.parent != self.path:
            return None
        if not self._rejects(int(file.stem.removeprefix("part-"))).exists():
            return "has lost its rejects"
        return None if _writer(file) == self.fingerprint else "was written under another config"

    def join(self) -> None:
        """Has what this process writes in the folder checked against the claim: in an actor before it writes."""
        if self.claim is not None:
            self.claim.join()

    def require_claim(self) -> None:
        """Insists that no other driver has opened the artifact since.

        Raises:
            TakenOver: One has.
        """
        if self.claim is not None:
            self.claim.check()

    def part(self, shard: int) -> Path:
        """Where a shard's rows go."""
        return self.path / f"part-{shard:05d}.parquet"

    def missing(self, shards: int) -> list[int]:
        """The shards of ``0 … shards - 1`` that are not finished yet; the number becomes part of the plan."""
        write_json(self.plan_path, read_json(self.plan_path) | {"shards": shards})
        return [i for i in range(shards) if not self.part(i).exists()]

    def write_shard(self, shard: int, table: pa.Table, rejects: Iterable[Reject] = ()) -> None:
        """Persists a shard: its rejects first, then its rows, each atomically.

        The part carries the artifact's fingerprint in its own metadata: a late writer with
        another config is told from the present one.
        """
        self.join()
        ours = (table.schema.metadata or {}) | {_FINGERPRINT: self.fingerprint.encode()}
        write_table(self._rejects(shard), to_table(Reject, rejects))
        write_table(self.part(shard), table.replace_schema_metadata(ours))

    def _rejects(self, shard: int) -> Path:
        return self.path / "rejects" / f"{shard:05d}.parquet"

    def _incomplete(self, written: Mapping[int, int]) -> Iterator[str]:
        """Yields what of the plan's shards this process does not see as their writers left it.

        Args:
            written: Shard -> rows, as the writers of this session reported them.
        """
        for shard in range(self._shards()):
            part = self.part(shard)
            if not part.exists():
                yield f"{part.name} is not there"
            elif problem := self._unusable(part):
                yield f"{part.name} {problem}"
            elif (rows := pq.read_metadata(part).num_rows) != written.get(shard, rows):
                yield f"{part.name} has {rows} rows, its writer reported {written[shard]}"

    def require_whole(self) -> None:
        """Insists that a finished artifact is still as it was left.

        Raises:
            ArtifactIncomplete: A part has been lost or cut short since.
        """
        cut = (f"{p.name} is cut short" for p in sorted(self.path.glob("*.parquet")) if not is_whole(p))
        if problem := next(chain(self._incomplete({}), cut), None):
            raise ArtifactIncomplete(
                f"{self.path} was finished, but now {problem}. Delete {self.manifest_path} and run again: "
                f"what is missing is made again"
            )

    def _shards(self) -> int:
        """The number of shards that the plan asks for; 0 for an artifact without shards."""
        return int(read_json(self.plan_path).get("shards", 0)) if self.plan_path.exists() else 0

    def parts(self) -> list[Path]:
        """The finished shards in order."""
        return sorted(self.path.glob("part-*.parquet"), key=lambda p: int(p.stem.removeprefix("part-")))

    def spent(self, *spans: sessions.Span) -> None:
        """Notes what a driver's time went into beside work; it comes into the manifest as ``timings``."""
        sessions.note(self.plan_path, spans)

    def used(self, running: float, slots: float) -> None:
        """Notes how much of the engines was in use; it comes into the manifest as ``engine_use``.

        Args:
            running: Responses at work, summed over time (seconds).
            slots: Responses that could have been, summed over time (seconds).
        """
        sessions.note_use(self.plan_path, running, slots)

    def keep_rejects(self, rejects: Iterable[Reject]) -> Path:
        """Writes the rejects of a step that fails, so that each one's reason can be looked up."""
        file = self.path / "rejects.parquet"
        write_table(file, to_table(Reject, rejects))
        return file

    def commit(
        self,
        counts: Mapping[str, int],
        metrics: Mapping[str, Any] | None = None,
        rejects: Iterable[Reject] = (),
        written: Mapping[int, int] | None = None,
    ) -> Manifest:
        """Gathers the rejects and writes the manifest: the artifact is done.

        Args:
            counts: Rows and other totals.
            metrics: Anything else worth reporting.
            rejects: Those that belong to no shard.
            written: Shard -> rows, as the shards' writers reported them in this session.

        Raises:
            ArtifactIncomplete: A shard of the plan is missing here, or differs from what its writer reported.
            TakenOver: Another driver has opened the artifact since.
        """
        self.join()
        self.require_claim()
        if problems := list(self._incomplete(written or {})):
            raise ArtifactIncomplete(
                f"{self.path}: {len(problems)} of {self._shards()} shards are not as their writers left them; the "
                f"first: {problems[0]}. Is run.dir on storage that all nodes share? Run again to redo what is missing"
            )
        reasons = self._gather_rejects(list(rejects))
        worked = sessions.ended(self.plan_path)
        manifest = Manifest(
            stage=self.stage,
            fingerprint=self.fingerprint,
            config=dict(self.config),
            inputs=dict(self.inputs),
            counts=dict(counts),
            rejects=reasons,
            metrics=dict(metrics or {}),
            seconds=round(sum(session["ended"] - session["began"] for session in worked), 3),
            sessions=len(worked),
            timings=sessions.timings(worked),
            engine_use=sessions.engine_use(worked),
            finished=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            versions=versions(),
            incidents=workers.incidents(workers.read(self.path)),
        )
        write_json(self.manifest_path, asdict(manifest))
        return manifest

    def _gather_rejects(self, extra: list[Reject]) -> dict[str, int]:
        reasons: dict[str, int] = {}
        with (
            replacing(self.path / "rejects.parquet") as temporary,
            pq.ParquetWriter(temporary, schema(Reject), compression="zstd") as writer,
        ):
            for table in chain(self._shards_rejects(), [to_table(Reject, extra)]):
                if table.num_rows:
                    writer.write_table(table)
                for reason in table["reason"].to_pylist():
                    reasons[reason] = reasons.get(reason, 0) + 1
        return dict(sorted(reasons.items()))

    def _shards_rejects(self) -> Iterator[pa.Table]:
        """The rejects of each shard that has any."""
        for path in sorted((self.path / "rejects").glob("*.parquet")):
            with pq.ParquetFile(path) as file:
                if file.metadata.num_rows:
                    yield file.read()


def _writer(part: Path) -> str:
    """The fingerprint of the artifact that a part was written for."""
    return str((pq.read_schema(part).metadata or {}).get(_FINGERPRINT, b""), "utf-8")
