"""Each durable operation of a small run is killed before and after, and refused by the disk; the next run mends it."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sfray.io.operations import StorageFailed
from sfray.io.parquet import is_whole
from tests.store.small import Door, Endpoint, Small, contents, without_engines

STEPS = ["base", "questions", "attempts", "correct", "traces", "trained"]
ERRORS = {
    errno.ENOSPC: "the disk is full: make room there",
    errno.EDQUOT: "the quota is used up: make room there, or have it raised",
    errno.EROFS: "the file system is read-only: have it mounted for writing, or choose another run.dir",
    errno.EIO: "the disk failed: look at the node's dmesg, repair it, or choose another run.dir",
}
DEAD = 137


@pytest.fixture(scope="module", autouse=True)
def _patched() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        without_engines(patch)
        yield


class Undisturbed:
    """The run as it should be: what there is before each step, and after it.

    Attributes:
        before: Step -> folder of runs in which the earlier steps are finished.
        after: Step -> the contents when it is finished too.
        operations: Step -> kind and path of its durable operations, in order.
    """

    def __init__(self, root: Path) -> None:
        self.small = Small(root / "inputs")
        assert self.small.steps == STEPS
        self.before: dict[str, Path] = {}
        self.after: dict[str, dict[str, str]] = {}
        self.operations: dict[str, list[tuple[str, Path]]] = {}
        whole = root / "whole"
        whole.mkdir()
        for step in STEPS:
            self.before[step] = copied(whole, root / f"before_{step}")
            with Door().open() as door:
                self.small.make(whole, step)
            self.operations[step] = [(kind, path.relative_to(whole)) for kind, path in door.seen]
            self.after[step] = contents(whole)
            assert not [name for name in self.after[step] if name.endswith(".tmp")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, _patched: None) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("small"))


def copied(runs: Path, to: Path) -> Path:
    """A copy of a folder of runs; finished files are never written to, so they are shared."""
    return Path(shutil.copytree(runs, to, symlinks=True, copy_function=os.link, ignore=lambda *_: [".lock"]))


def in_a_child(small: Small, runs: Path, step: str) -> int:
    """The exit status of a child process that makes a step."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            small.make(runs, step)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die() -> None:
    """Ends the process as SIGKILL does: nothing is cleaned up or flushed."""
    os._exit(DEAD)


def at(number: int, do: Callable[[], None]) -> Callable[[int], None]:
    """Does something at one operation."""
    return lambda n: do() if n == number else None


def test_there_is_something_to_kill(undisturbed: Undisturbed) -> None:
    kinds = {kind for seen in undisturbed.operations.values() for kind, _ in seen}
    assert kinds == {
        "make", "open", "write", "sync", "replace", "sync the folder of", "create", "append to", "move", "remove",
    }  # fmt: skip
    for step, seen in undisturbed.operations.items():
        assert len(seen) > 20, step
        assert [(kind, path.name) for kind, path in seen].count(("replace", "manifest.json")) == 1
    assert len([path for kind, path in undisturbed.operations["attempts"] if kind == "append to"]) == 4


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_at_any_operation_loses_and_doubles_nothing(
    undisturbed: Undisturbed, tmp_path: Path, step: str, moment: str
) -> None:
    small = undisturbed.small
    for number, (kind, path) in enumerate(undisturbed.operations[step]):
        runs = copied(undisturbed.before[step], tmp_path / "runs")
        with Door(**{moment: at(number, die)}).open() as door:
            assert in_a_child(small, runs, step) == DEAD, (kind, path)
        visible = small.run(runs).folder
        assert not visible.path.exists() or set(visible.steps()) <= set(STEPS)
        small.make(runs, step)
        assert contents(runs) == undisturbed.after[step], (moment, kind, path)
        assert door.seen == []  # of this process: the child had a copy
        shutil.rmtree(runs)


@pytest.mark.parametrize("step", STEPS)
def test_a_disk_that_refuses_any_operation_is_named_and_costs_nothing(
    undisturbed: Undisturbed, tmp_path: Path, step: str
) -> None:
    small, injected = undisturbed.small, []
    for operation in dict.fromkeys(undisturbed.operations[step]):
        left = list(ERRORS)
        while left:
            runs = copied(undisturbed.before[step], tmp_path / "runs")
            while left and (said := refused(small, runs, step, operation, left[0])):
                kind, path = operation
                assert said == (
                    f"{runs / path}: could not {kind} it, {ERRORS[left[0]]}, then run again; what is finished is kept"
                )
                require_nothing_half_done(runs)
                injected.append((operation, left.pop(0)))
            small.make(runs, step)
            assert contents(runs) == undisturbed.after[step], operation
            shutil.rmtree(runs)
    assert len(injected) == len(ERRORS) * len(set(undisturbed.operations[step]))


def refused(small: Small, runs: Path, step: str, operation: tuple[str, Path], code: int) -> str | None:
    """What a run says to a disk that refuses an operation and all that follow; None if it has no such operation."""
    full = False

    def refuse(number: int) -> None:
        nonlocal full
        kind, path = door.seen[number]
        full = full or (kind, path.relative_to(runs)) == operation
        if full:
            raise OSError(code, os.strerror(code))

    with Door(before=refuse).open() as door:
        try:
            small.make(runs, step)
        except StorageFailed as error:
            return str(error)
    assert not full
    return None


@pytest.mark.parametrize("step", STEPS)
def test_an_operation_that_is_done_but_reported_as_failed_is_no_harm(
    undisturbed: Undisturbed, tmp_path: Path, step: str
) -> None:
    small = undisturbed.small

    def fail() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    for number, (kind, path) in enumerate(undisturbed.operations[step]):
        runs = copied(undisturbed.before[step], tmp_path / "runs")
        with Door(after=at(number, fail)).open(), pytest.raises(StorageFailed, match=f"could not {kind} it, the disk"):
            small.make(runs, step)
        require_nothing_half_done(runs)
        small.make(runs, step)
        assert contents(runs) == undisturbed.after[step], (kind, path)
        shutil.rmtree(runs)


def require_nothing_half_done(runs: Path) -> None:
    """Every file that has its own name is whole."""
    for path in runs.rglob("*"):
        if any(part.startswith(".") for part in path.relative_to(runs).parts):
            continue
        if path.suffix == ".parquet":
            assert is_whole(path), path
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".jsonl":
            assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_teacher_is_asked_for_what_was_in_flight_alone(undisturbed: Undisturbed, tmp_path: Path) -> None:
    small = undisturbed.small
    for number, (kind, path) in enumerate(undisturbed.operations["attempts"]):
        if kind != "append to":
            continue
        kept = len([k for k, _ in undisturbed.operations["attempts"][: number + 1] if k == kind])
        for moment, left in (("before", 4 - kept + 1), ("after", 4 - kept)):
            runs = copied(undisturbed.before["attempts"], tmp_path / "runs")
            with Door(**{moment: at(number, die)}).open():
                assert in_a_child(small, runs, "attempts") == DEAD
            Endpoint.asked = 0
            small.make(runs, "attempts")
            assert Endpoint.asked == left, (moment, path)
            shutil.rmtree(runs)
