"""Who worked on a step and what went wrong: from the files that workers leave."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest

from sfray.store import workers
from sfray.store.artifact import Artifact
from sfray.store.listing import table
from sfray.store.manifest import Manifest
from sfray.store.workers import Identity, Journal, Reader, incidents, latest, read, spoken


def who(slot: str = "a", process: int = 1, epoch: int = 1, kind: str = "actor", began: float = 10.0) -> Identity:
    return Identity(kind, slot, epoch, "node1", process, "n", 7, began)


def test_a_worker_is_read_as_it_wrote(tmp_path: Path) -> None:
    journal = Journal(tmp_path, who())
    assert journal.path == tmp_path / "workers" / "000001-a-node1-1.jsonl"
    (found,) = read(tmp_path)
    assert (found.name, found.who, found.shards, found.busy, found.lost) == (
        "000001-a-node1-1",
        who(),
        (),
        False,
        (),
    )
    journal.begin(3)
    assert not read(tmp_path)[0].busy  # still on its way up: silence means nothing yet
    journal.beat()
    assert read(tmp_path)[0].busy
    journal.end()
    assert not read(tmp_path)[0].busy
    journal.begin(5)
    assert (read(tmp_path)[0].busy, read(tmp_path)[0].shards) == (True, (3, 5))


def test_a_worker_of_several_shards_at_once_is_busy_until_the_last_ends(tmp_path: Path) -> None:
    journal = Journal(tmp_path, who())
    journal.begin(3)
    journal.begin(5)
    journal.beat()
    journal.end()
    assert read(tmp_path)[0].busy
    journal.end()
    assert (read(tmp_path)[0].busy, read(tmp_path)[0].shards) == (False, (3, 5))


def test_a_worker_without_shards_is_busy_from_its_first_step_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path, who(kind="group"))
    journal.beat()
    assert read(tmp_path)[0].busy
    journal.end()
    assert not read(tmp_path)[0].busy


def test_heartbeats_change_the_time_of_the_file_and_not_more_often_than_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(workers.time, "monotonic", lambda: now[0])
    journal = Journal(tmp_path, who())
    assert journal.beat()
    os.utime(journal.path, (5, 5))
    text = journal.path.read_bytes()
    now[0] += 0.9
    assert not journal.beat()
    assert read(tmp_path)[0].heard == 5 * 10**9
    now[0] += 0.1
    assert journal.beat()
    assert read(tmp_path)[0].heard > 5 * 10**9
    assert journal.path.read_bytes() == text
    journal.path.unlink()
    now[0] += 1
    assert journal.beat()  # a heartbeat that cannot be written ends no work


def test_a_line_that_a_death_cut_short_is_passed_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path, who())
    journal.begin(1)
    with journal.path.open("ab") as file:
        file.write(b'{"shard": 2')
    assert read(tmp_path)[0].shards == (1,)
    journal.path.write_bytes(b'{"kind": "act')
    assert read(tmp_path) == []


def test_a_restart_is_another_process_of_the_same_worker(tmp_path: Path) -> None:
    for slot, process in (("a", 1), ("a", 2), ("a", 3), ("b", 4)):
        Journal(tmp_path, who(slot, process, began=float(process)))
    Journal(tmp_path, who("a", 9, epoch=2))  # of the next driver: no restart
    assert incidents(read(tmp_path)) == {"actors_restarted": 2}
    assert [r.who.process for r in latest(read(tmp_path))] == [9]
    assert [r.who.process for r in latest(r for r in read(tmp_path) if r.who.epoch == 1)] == [3, 4]


def test_each_kind_of_worker_has_a_name_for_its_restarts(tmp_path: Path) -> None:
    for kind in ("group", "rank", "process", "driver"):
        for process in (1, 2):
            Journal(tmp_path, who(kind, process, kind=kind))
    assert incidents(read(tmp_path)) == {"groups_restarted": 1, "processes_restarted": 1}


def test_one_process_may_be_started_again_in_place(tmp_path: Path) -> None:
    first, second = (Journal(tmp_path, who("verl", kind="process")) for _ in range(2))
    assert (first.path.name, second.path.name) == ("000001-verl-node1-1.jsonl", "000001-verl-node1-1-2.jsonl")
    assert incidents(read(tmp_path)) == {"processes_restarted": 1}


def test_a_shard_that_two_began_was_made_twice_also_by_another_driver(tmp_path: Path) -> None:
    for process, epoch, shards in ((1, 1, (0, 1)), (2, 1, (1, 2)), (3, 2, (2, 3)), (4, 2, (1,))):
        journal = Journal(tmp_path, who(str(process), process, epoch))
        for shard in shards:
            journal.begin(shard)
    assert incidents(read(tmp_path)) == {"shards_made_twice": 2}


def test_a_node_that_several_drivers_saw_go_is_lost_once(tmp_path: Path) -> None:
    for epoch, nodes in ((1, ["x"]), (2, ["x", "y"])):
        Journal(tmp_path, who("driver", 1, epoch, "driver")).lose(nodes)
    assert incidents(read(tmp_path)) == {"nodes_lost": 2}


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, ""),
        ({"actors_restarted": 0}, ""),
        ({"nodes_lost": 1}, "1 node lost"),
        (
            {"actors_restarted": 2, "shards_made_twice": 3, "nodes_lost": 1},
            "2 actors restarted, 3 shards made twice, 1 node lost",
        ),
        (
            {"groups_restarted": 1, "processes_restarted": 1_000},
            "1 restart of the training workers, 1,000 restarts of verl",
        ),
    ],
)
def test_incidents_in_words(counts: dict[str, int], words: str) -> None:
    assert spoken(counts) == words


def test_the_manifest_has_them_and_the_parts_do_not(tmp_path: Path) -> None:
    made = []
    for name, processes in (("quiet", (1,)), ("killed", (1, 2))):
        artifact = Artifact(tmp_path / name / "f", "sample", {}, {}, run="r", step="attempts")
        artifact.open()
        artifact.missing(1)
        for process in processes:
            Journal(artifact.path, who("a", process, artifact.epoch)).begin(0)
        artifact.write_shard(0, pa.table({"id": ["x"]}))
        artifact.commit({"rows": 1})
        made.append(artifact)
    quiet, killed = made
    assert quiet.manifest.incidents == {}
    assert killed.manifest.incidents == {"actors_restarted": 1, "shards_made_twice": 1}
    assert quiet.fingerprint == killed.fingerprint == Artifact(tmp_path, "sample", {}, {}).fingerprint
    assert quiet.part(0).read_bytes() == killed.part(0).read_bytes()


def test_a_manifest_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text('{"stage": "sample", "fingerprint": "f", "config": {}, "inputs": {}}')
    assert Manifest.read(file).incidents == {}


def test_the_list_of_steps_tells_them_also_of_a_step_that_is_at_work(tmp_path: Path) -> None:
    for name, done in (("attempts", True), ("more", False)):
        artifact = Artifact(tmp_path / "run" / name, "sample", {"name": name}, {})
        artifact.open()
        artifact.missing(2)
        for process in (1, 2):
            Journal(artifact.path, who("a", process, artifact.epoch)).begin(0)
        if done:
            for shard in range(2):
                artifact.write_shard(shard, pa.table({"id": ["x"]}))
            artifact.commit({"rows": 2})
    counts = list(table(tmp_path / "run").columns[6].cells)
    assert counts == [
        "2 rows; 1 actor restarted, 1 shard made twice",
        "0 of 2 shards; 1 actor restarted, 1 shard made twice",
    ]


def test_a_reader_takes_in_what_was_added_since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    loads = workers.json.loads
    monkeypatch.setattr(workers.json, "loads", lambda line: parsed.append(line) or loads(line))
    reader = Reader(tmp_path)
    assert reader.read() == []
    journal = Journal(tmp_path, who())
    journal.begin(3)
    assert [r.shards for r in reader.read()] == [(3,)]
    parsed.clear()
    journal.beat()
    journal.begin(5)
    with journal.path.open("ab") as file:
        file.write(b'{"idle"')  # half a line
    assert reader.read() == read(tmp_path)
    assert parsed[:2] == [b'{"up": true}', b'{"shard": 5}']
    with journal.path.open("ab") as file:
        file.write(b": true}\n")
    other = Journal(tmp_path, who("b", began=20.0))
    other.lose(["z"])
    assert [(r.who.slot, r.busy, r.shards, r.lost) for r in reader.read()] == [
        ("a", False, (3, 5), ()),
        ("b", False, (), ("z",)),
    ]


def test_a_reader_notices_a_line_that_was_taken_back(tmp_path: Path) -> None:
    reader, journal = Reader(tmp_path), Journal(tmp_path, who())
    journal.begin(3)
    size = journal.path.stat().st_size
    journal.begin(5)
    assert [r.shards for r in reader.read()] == [(3, 5)]
    os.truncate(journal.path, size)
    assert [r.shards for r in reader.read()] == [(3,)]
