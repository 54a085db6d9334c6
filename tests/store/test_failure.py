"""Why a step failed is kept with its first cause first."""

from __future__ import annotations

from pathlib import Path

import pytest
from ray.data.exceptions import SystemException
from ray.exceptions import ActorDiedError, RayTaskError

from sfray.errors import Terminated
from sfray.store import failure
from sfray.store.artifact import Artifact
from sfray.store.workers import Identity, Journal


def artifact(folder: Path) -> Artifact:
    """One whose folder is given."""
    return Artifact(folder, "sample", {}, {})


def raised() -> BaseException:
    """An error of a worker, wrapped twice."""
    try:
        try:
            try:
                raise MemoryError("no memory for 3 blocks")
            except MemoryError as error:
                raise RuntimeError("the engine stopped") from error
        except RuntimeError as error:
            raise ValueError("shard 3") from error
    except ValueError as error:
        return error


def test_the_first_cause_comes_first(tmp_path: Path) -> None:
    failure.record(tmp_path, "attempts", raised())
    kept = failure.read(tmp_path)
    assert kept is not None
    assert kept.step == "attempts"
    assert kept.errors == [
        ["MemoryError", "no memory for 3 blocks"],
        ["RuntimeError", "the engine stopped"],
        ["ValueError", "shard 3"],
    ]
    assert "MemoryError: no memory for 3 blocks" in kept.traceback
    assert kept.logs == []
    failure.forget(tmp_path)
    assert failure.read(tmp_path) is None


def test_a_workers_own_error_is_the_cause() -> None:
    wrapped = RayTaskError("work", "Traceback …", KeyError("gold"))
    assert [type(e).__name__ for e in failure.causes(wrapped)] == ["RayTaskError", "KeyError"]


def test_errors_that_cause_each_other_end() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert list(failure.causes(one)) == [one, two]


def test_of_steps_made_together_those_failed_that_a_worker_had_come_to(tmp_path: Path) -> None:
    """The claim tells the workers of this driver from those of an earlier one."""
    made = [Artifact(tmp_path / name, "evaluate", {}, {}) for name in ("first", "begun", "later")]
    for one in made:
        one.open()
    Journal(made[1].path, Identity("actor", "a", 1, "host", 1))
    Journal(made[2].path, Identity("actor", "a", 0, "host", 1))
    first, *others = (failure.Recorder(o, o.path.name, lambda: None, together=o is not made[0]) for o in made)
    with pytest.raises(ValueError, match=r"^shard 3$"), first, others[0], others[1]:
        raise raised()
    assert [found and found.step for found in map(failure.read, (one.path for one in made))] == ["first", "begun", None]


@pytest.mark.parametrize("name", ["worker-1.err", "python-worker-2.err"])
def test_logs_that_speak_of_an_error_are_copied(tmp_path: Path, name: str) -> None:
    logs, folder = tmp_path / "logs", tmp_path / "artifact"
    logs.mkdir()
    (logs / name).write_bytes(b"x" * 100_000 + b"\nTraceback (most recent call last)\n")
    (logs / "worker-quiet.err").write_text("nothing to say\n")
    (logs / "raylet.err").write_text("Error of another process\n")
    made = failure.record(folder, "sft", raised(), logs)
    assert made.logs == [name]
    copied = (folder / "logs" / name).read_bytes()
    assert len(copied) == 64 * 1024
    assert copied.endswith(b"Traceback (most recent call last)\n")


def test_a_recorder_keeps_the_error_and_lets_it_pass(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^shard 3$"), failure.Recorder(artifact(tmp_path), "attempts", lambda: None):
        raise raised()
    kept = failure.read(tmp_path)
    assert kept is not None
    assert (kept.step, kept.errors[0]) == ("attempts", ["MemoryError", "no memory for 3 blocks"])


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, Terminated])
def test_an_interrupt_is_no_failure_and_an_earlier_one_is_forgotten(
    tmp_path: Path, interrupt: type[BaseException]
) -> None:
    failure.record(tmp_path, "attempts", raised())
    with pytest.raises(interrupt), failure.Recorder(artifact(tmp_path), "attempts", lambda: None):
        raise interrupt
    assert failure.read(tmp_path) is None


def test_an_error_is_told_where_it_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(failure, "write_json", full)
    with pytest.raises(ValueError, match=r"^shard 3$"), failure.Recorder(artifact(tmp_path), "attempts", lambda: None):
        raise raised()
    assert failure.read(tmp_path) is None


def test_what_an_actor_could_not_start_for_comes_before_its_death(tmp_path: Path) -> None:
    trace = (
        "ray::MapWorker.__init__() (pid=7, ip=10.0.0.2)\n"
        '  File "shards.py", line 106, in __init__\n    self.engine = Engine()\n           ^^^^^^^^\n'
        "sfray.sampling.engine.NoAccelerator: engine.device = cuda, but node2 has no GPU: see\nnvidia-smi"
    )
    died = ActorDiedError(RayTaskError("MapWorker.__init__", trace, RuntimeError()))
    died.__cause__ = SystemException()
    made = failure.record(tmp_path, "attempts", died)
    assert made.errors[0] == ["NoAccelerator", "engine.device = cuda, but node2 has no GPU: see\nnvidia-smi"]
    assert [name for name, _ in made.errors] == ["NoAccelerator", "ActorDiedError"]


def test_an_actor_that_was_killed_has_no_other_cause(tmp_path: Path) -> None:
    made = failure.record(tmp_path, "attempts", ActorDiedError())
    assert made.errors == [["ActorDiedError", "The actor died unexpectedly before finishing this task."]]
