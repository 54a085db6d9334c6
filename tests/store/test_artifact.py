"""A run's folder: claimed, resumed, refused, finished; nothing lost or doubled by a kill."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfray.io.arrow import from_table, to_table
from sfray.io.files import DiskFull, read_json
from sfray.records import Reject
from sfray.store.artifact import Artifact, ArtifactConflict, ArtifactIncomplete
from sfray.store.fingerprint import fingerprint
from sfray.store.manifest import Manifest, versions

ROOT = Path(__file__).parents[2]


def stage(tmp_path: Path, inputs: dict[str, str] | None = None, **config: Any) -> Artifact:
    """An artifact of sampled attempts in the test's folder."""
    return Artifact(tmp_path / "run" / "attempts", "sample", config or {"n": 2}, inputs or {"questions": "q1"})


def rows(shard: int) -> list[Reject]:
    """Some rows of a shard (any record will do)."""
    return [Reject(id=f"{shard}/{i}", reason="row") for i in range(20)]


def write(to: Artifact, shard: int, *rejects: Reject) -> None:
    """Writes a shard."""
    to.write_shard(shard, to_table(Reject, rows(shard)), rejects)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def reversed_keys(value: Any) -> Any:
    """The same value with the keys of every mapping the other way round."""
    if isinstance(value, dict):
        return {k: reversed_keys(value[k]) for k in reversed(value)}
    return [reversed_keys(v) for v in value] if isinstance(value, list) else value


@given(JSON)
def test_fingerprint_knows_no_order_of_keys(value: object) -> None:
    assert fingerprint(reversed_keys(value)) == fingerprint(value)


@given(JSON, JSON)
def test_fingerprint_knows_values(one: object, other: object) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (fingerprint(one) == fingerprint(other)) == same


def test_fingerprint_pinned() -> None:
    assert fingerprint({"b": [1, 2.5], "a": "×"}) == hashlib.sha256(b'{"a": "\\u00d7", "b": [1, 2.5]}').hexdigest()[:16]
    assert fingerprint((1, 2)) == fingerprint([1, 2])


def test_a_new_stage(tmp_path: Path) -> None:
    new = stage(tmp_path)
    assert not new.done
    new.open()
    plan = read_json(new.path / "plan.json")
    assert len(plan.pop("sessions")) == 1
    assert plan == {
        "stage": "sample",
        "fingerprint": new.fingerprint,
        "config": {"n": 2},
        "inputs": {"questions": "q1"},
    }
    assert not new.done
    assert new.missing(3) == [0, 1, 2]
    with pytest.raises(FileNotFoundError):
        _ = new.manifest


def test_shards(tmp_path: Path) -> None:
    here = stage(tmp_path)
    here.open()
    write(here, 1, Reject(id="a", reason="too_long"))
    assert here.missing(3) == [0, 2]
    assert here.part(1) == here.path / "part-00001.parquet"
    assert from_table(Reject, pq.read_table(here.part(1))) == rows(1)
    for i in (100_000, 99_999):
        write(here, i)
    assert here.parts() == [here.part(i) for i in (1, 99_999, 100_000)]


def test_the_fingerprint_holds_config_and_inputs_and_not_the_place(tmp_path: Path) -> None:
    base = stage(tmp_path)
    assert base.fingerprint == fingerprint({"stage": "sample", "inputs": {"questions": "q1"}, "config": {"n": 2}})
    assert stage(tmp_path / "moved").fingerprint == base.fingerprint
    assert stage(tmp_path, n=3).fingerprint != base.fingerprint
    assert stage(tmp_path, {"questions": "q2"}).fingerprint != base.fingerprint


def test_commit(tmp_path: Path) -> None:
    here = stage(tmp_path)
    here.open()
    write(here, 0, Reject(id="a", reason="too_long"), Reject(id="b", reason="no_answer"))
    write(here, 1, Reject(id="c", reason="too_long", detail="…"))
    made = here.commit({"attempts": 40}, {"rate": 0.5}, [Reject(id="d", reason="bad_gold")])
    assert here.done
    assert here.manifest == made
    assert (made.stage, made.fingerprint, made.config, made.inputs) == (
        "sample",
        here.fingerprint,
        {"n": 2},
        {"questions": "q1"},
    )
    assert (made.counts, made.metrics, made.sessions) == ({"attempts": 40}, {"rate": 0.5}, 1)
    assert list(made.rejects.items()) == [("bad_gold", 1), ("no_answer", 1), ("too_long", 2)]
    assert from_table(Reject, pq.read_table(here.path / "rejects.parquet")) == [
        Reject(id="a", reason="too_long"),
        Reject(id="b", reason="no_answer"),
        Reject(id="c", reason="too_long", detail="…"),
        Reject(id="d", reason="bad_gold"),
    ]


def test_committing_twice_changes_only_the_time(tmp_path: Path) -> None:
    here = stage(tmp_path)
    here.open()
    write(here, 0, Reject(id="a", reason="too_long"))
    one = here.commit({"n": 1}, rejects=[Reject(id="d", reason="bad_gold")])
    table = (here.path / "rejects.parquet").read_bytes()
    other = here.commit({"n": 1}, rejects=[Reject(id="d", reason="bad_gold")])
    assert dataclasses.replace(other, finished=one.finished, seconds=one.seconds) == one
    assert (here.path / "rejects.parquet").read_bytes() == table


def test_a_stage_without_rejects_says_so(tmp_path: Path) -> None:
    here = stage(tmp_path)
    here.open()
    assert here.commit({}).rejects == {}
    assert pq.read_table(here.path / "rejects.parquet").num_rows == 0


def test_manifest_round_trip(tmp_path: Path) -> None:
    manifest = Manifest(
        "sft", "f", {"lr": 1e-6}, {"traces": "t"}, {"steps": 3}, {}, {"x": [1, None]}, 2.0, "now", {"a": "1"}
    )
    (tmp_path / "m.json").write_text(json.dumps(dataclasses.asdict(manifest)))
    assert Manifest.read(tmp_path / "m.json") == manifest


def test_another_config_is_refused_with_the_difference(tmp_path: Path) -> None:
    old = Artifact(
        tmp_path / "attempts",
        "attempts",
        {"sample": {"n": 4, "top": {"k": 1}, "same": 1, "extra": {}}, "gone": None, "s": "x"},
        {"questions": "q1", "model": "m", "lost": "l"},
    )
    old.open()
    new = Artifact(
        old.path,
        "attempts",
        {"sample": {"n": 8, "top": {"k": 2}, "same": 1}, "new": [1, "a"], "s": "1"},
        {"questions": "q2", "model": "m", "won": "w"},
    )
    with pytest.raises(ArtifactConflict) as caught:
        new.open()
    assert str(caught.value) == (
        f"{old.path} holds something else; choose another folder:\n"
        "  config.gone: null there, absent now\n"
        '  config.new: absent there, [1, "a"] now\n'
        '  config.s: "x" there, "1" now\n'
        "  config.sample.extra: {} there, absent now\n"
        "  config.sample.n: 4 there, 8 now\n"
        "  config.sample.top.k: 1 there, 2 now\n"
        '  inputs.lost: "l" there, absent now\n'
        '  inputs.questions: "q1" there, "q2" now\n'
        '  inputs.won: absent there, "w" now'
    )


@settings(max_examples=30)
@given(JSON, JSON)
def test_every_refusal_shows_a_difference(tmp_path_factory: pytest.TempPathFactory, one: object, other: object) -> None:
    path = tmp_path_factory.mktemp("conflict") / "attempts"
    old, new = Artifact(path, "attempts", {"x": one}, {}), Artifact(path, "attempts", {"x": other}, {})
    old.open()
    if old.fingerprint == new.fingerprint:
        new.open()
        return
    with pytest.raises(ArtifactConflict) as caught:
        new.open()
    assert len(str(caught.value).splitlines()) >= 2  # the folder, and the differences


def test_lists_and_tuples_are_the_same_config(tmp_path: Path) -> None:
    stage(tmp_path, levels=("3", "4"), n=1).open()
    stage(tmp_path, n=1, levels=["3", "4"]).open()
    with pytest.raises(ArtifactConflict) as caught:
        stage(tmp_path, n=2, levels=("3", "4")).open()
    assert "levels" not in str(caught.value)


@pytest.mark.parametrize("name", ["manifest.json", "part-00000.parquet", "sft.parquet"])
def test_output_without_a_plan_is_not_taken_over(tmp_path: Path, name: str) -> None:
    here = stage(tmp_path)
    here.open()
    write(here, 0)
    here.commit({})
    (here.path / "plan.json").unlink()
    other = stage(tmp_path, n=3)
    (here.path / "sft.parquet").write_bytes(b"")
    for file in here.path.iterdir():
        if file.name != name:
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    with pytest.raises(ArtifactConflict) as caught:
        other.open()
    assert str(caught.value) == (
        f"{here.path} holds files but no plan.json that says what made them; choose another folder"
    )


def test_resuming_keeps_good_shards_and_clears_what_the_dead_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = stage(tmp_path)
    here.open()
    for i in range(4):
        write(here, i, Reject(id=str(i), reason="too_long"))
    good = {i: here.part(i).read_bytes() for i in range(4)}
    here.part(1).write_bytes(good[1][:-1])
    here.part(3).write_bytes(b"")
    (here.path / "rejects" / "00002.parquet").write_bytes(b"PAR1")
    (here.path / ".part-00009.parquet.4194305-0f.tmp").write_bytes(b"half")
    (here.path / "rejects" / ".00009.parquet.4194305-0f.tmp").write_bytes(b"half")
    (here.path.parent / ".attempts.4194305-0f.tmp").mkdir()
    (here.path.parent / ".other.4194305-0f.tmp").mkdir()
    with caplog.at_level(logging.WARNING):
        here.open()
    assert here.missing(4) == [1, 2, 3]
    assert here.part(0).read_bytes() == good[0]
    assert sorted(caplog.messages) == sorted(
        f"{p} is cut short: its shard is made again"
        for p in (here.part(1), here.part(3), here.path / "rejects" / "00002.parquet")
    )
    left = sorted(str(p.relative_to(here.path.parent)) for p in here.path.parent.rglob(".*"))
    assert left == [".other.4194305-0f.tmp"]
    for i in here.missing(4):
        write(here, i, Reject(id=str(i), reason="too_long"))
    assert {i: here.part(i).read_bytes() for i in range(4)} == good
    assert here.commit({}).rejects == {"too_long": 4}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda here: here.part(1).unlink(), "part-00001.parquet is not there"),
        (lambda here: here.part(1).write_bytes(b""), "part-00001.parquet is cut short"),
        (
            lambda here: (here.path / "rejects" / "00001.parquet").unlink(),
            "part-00001.parquet has lost its rejects",
        ),
        (
            lambda here: write(dataclasses.replace(here, config={"n": 3}), 1),
            "part-00001.parquet was written under another config",
        ),
        (
            lambda here: here.write_shard(1, to_table(Reject, rows(1)[:7])),
            "part-00001.parquet has 7 rows, its writer reported 20",
        ),
    ],
)
def test_what_the_committing_process_does_not_see_is_not_done(tmp_path: Path, spoil: Any, said: str) -> None:
    here = stage(tmp_path)
    here.open()
    written = {}
    for i in here.missing(3):
        write(here, i)
        written[i] = 20
    spoil(here)
    with pytest.raises(ArtifactIncomplete) as caught:
        here.commit({}, written=written)
    assert str(caught.value) == (
        f"{here.path}: 1 of 3 shards are not as their writers left them; the first: {said}. "
        "Is run.dir on storage that all nodes share? Run again to redo what is missing"
    )
    assert not here.done
    here.open()
    redone = {i: write(here, i) or 20 for i in here.missing(3)}
    if "rows" not in said:  # that part is whole: only its own writer's report tells that it is not the one
        assert here.commit({}, written=redone).counts == {}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda here: here.part(1).write_bytes(b"PAR1"), "part-00001.parquet is cut short"),
        (lambda here: here.part(0).unlink(), "part-00000.parquet is not there"),
        (lambda here: (here.path / "rejects.parquet").write_bytes(b""), "rejects.parquet is cut short"),
    ],
)
def test_a_finished_stage_that_has_lost_a_file_says_which_and_what_to_do(tmp_path: Path, spoil: Any, said: str) -> None:
    here = stage(tmp_path)
    here.open()
    for i in here.missing(2):
        write(here, i)
    here.commit({})
    here.require_whole()
    spoil(here)
    with pytest.raises(ArtifactIncomplete) as caught:
        here.require_whole()
    assert str(caught.value) == (
        f"{here.path} was finished, but now {said}. Delete {here.manifest_path} and run again: "
        "what is missing is made again"
    )
    here.manifest_path.unlink()
    here.open()
    for i in here.missing(2):
        write(here, i)
    here.commit({})
    here.require_whole()


def test_a_commit_without_any_shard_is_refused(tmp_path: Path) -> None:
    here = stage(tmp_path)
    here.open()
    assert here.missing(2) == [0, 1]
    with pytest.raises(ArtifactIncomplete, match=r"2 of 2 shards .* the first: part-00000\.parquet is not there"):
        here.commit({"rows": 0})


def test_a_part_of_another_config_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    here = stage(tmp_path)
    here.open()
    write(here, 0)
    write(dataclasses.replace(here, config={"n": 3}), 1)
    with caplog.at_level(logging.WARNING):
        here.open()
    assert caplog.messages == [f"{here.part(1)} was written under another config: its shard is made again"]
    assert here.missing(2) == [1]


def test_a_done_stage_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = stage(tmp_path)
    here.open()
    write(here, 0)
    here.commit({})
    before = {p: p.stat().st_mtime_ns for p in here.path.rglob("*")}
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 0))
    here.open()
    here.open()
    assert {p: p.stat().st_mtime_ns for p in here.path.rglob("*")} == before


def test_a_full_disk_stops_a_stage_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 1 << 29))
    here = stage(tmp_path)
    with pytest.raises(DiskFull) as caught:
        here.open()
    assert str(caught.value) == (
        f"{here.path}: 0.50 GiB are free, at least 1.00 GiB are needed. Make room, or choose another run.dir"
    )
    assert not here.path.exists()


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    here = stage(tmp_path)
    here.open()
    here.manifest_path.write_text('{"stage": ')
    with pytest.raises(ValueError, match=f"^{here.manifest_path} is not JSON: "):
        _ = here.done


@pytest.mark.parametrize("content", ['{"stage": "attempts"}', "[1]", '{"stage": "a", "later": 1}'])
def test_a_manifest_of_another_version_is_named(tmp_path: Path, content: str) -> None:
    here = stage(tmp_path)
    here.open()
    here.manifest_path.write_text(content)
    with pytest.raises(ValueError, match=f"^{here.manifest_path} is no manifest of this version: "):
        _ = here.done


def test_versions_are_those_of_installed_packages() -> None:
    found = versions()
    assert found["pyarrow"] == __import__("pyarrow").__version__
    assert all(found.values())


DRIVER = """
import sys
from pathlib import Path
from sfray.io.arrow import to_table
from sfray.records import Reject
from sfray.store.artifact import Artifact
stage = Artifact(Path(sys.argv[1]), "attempts", {"n": 2}, {"questions": "q1"})
shards = int(sys.argv[2])
stage.open()
for shard in stage.missing(shards):
    made = [Reject(id=f"{shard}/{i}", reason="row", detail="x" * 1000) for i in range(200)]
    stage.write_shard(shard, to_table(Reject, made), made[:1])
    print(shard, flush=True)
stage.commit({"rows": sum(200 for _ in stage.parts())})
"""


def test_kill_9_of_a_driver_loses_and_doubles_nothing(tmp_path: Path) -> None:
    shards, path, kills = 40, tmp_path / "run" / "attempts", 0
    while not (path / "manifest.json").exists():
        driver = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(path), str(shards)], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert driver.stdout is not None
        for _ in range(3):
            driver.stdout.readline()
        if kills < 3 and driver.poll() is None:
            driver.send_signal(signal.SIGKILL)
            kills += 1
        driver.stdout.read()
        driver.stdout.close()
        assert driver.wait() in (0, -signal.SIGKILL)
    assert kills > 0
    here = Artifact(path, "attempts", {"n": 2}, {"questions": "q1"})
    assert here.done
    assert here.manifest.counts == {"rows": shards * 200}
    assert here.manifest.rejects == {"row": shards}
    ids = [row.id for part in here.parts() for row in from_table(Reject, pq.read_table(part))]
    assert ids == [f"{shard}/{i}" for shard in range(shards) for i in range(200)]
    assert list(path.rglob(".*")) == []
