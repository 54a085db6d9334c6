"""Files are whole or not there, whatever happens to the writer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfray.io.files import DiskFull, discard, read_json, remove_leftovers, replacing, require_space, write_json
from sfray.io.parquet import is_whole, write_table

ROOT = Path(__file__).parents[1]
TABLE = pa.table({"x": list(range(100))})


def names(folder: Path) -> list[str]:
    """Everything below a folder, hidden or not."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_a_file_takes_the_place(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    for text in ("one", "two"):
        with replacing(path) as temporary:
            temporary.write_text(text)
            assert temporary.parent == path.parent
            assert not path.exists() or path.read_text() == "one"
        assert path.read_text() == text
    assert names(tmp_path) == ["new", "new/a.txt"]


def test_a_file_never_takes_a_folders_place(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "precious").write_text("kept")
    with pytest.raises(IsADirectoryError, match="is a folder"), replacing(tmp_path / "x") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "x" / "precious").read_text() == "kept"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_folder_takes_the_place_whole(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for name in ("old", "new"):
        with replacing(path) as temporary:
            (temporary / "sub").mkdir(parents=True)
            (temporary / "sub" / name).write_text(name)
    assert names(tmp_path) == ["model", "model/sub", "model/sub/new"]


@pytest.mark.parametrize("folder", [False, True])
def test_a_failing_block_leaves_what_was_there(tmp_path: Path, folder: bool) -> None:
    path = tmp_path / "x"
    with replacing(path) as temporary:
        (temporary.mkdir() if folder else temporary.write_text("old"))
    with pytest.raises(FileExistsError), replacing(path) as temporary:  # noqa: PT012 - two steps of one block
        (temporary.mkdir() if folder else temporary.write_text("half"))
        temporary.parent.mkdir()
    assert names(tmp_path) == ["x"]
    assert path.is_dir() if folder else path.read_text() == "old"


@pytest.mark.parametrize("folder", [False, True])
def test_a_block_that_writes_nothing_takes_nothing_away(tmp_path: Path, folder: bool) -> None:
    path = tmp_path / "x"
    (path.mkdir() if folder else path.write_text("old"))
    with pytest.raises(FileNotFoundError, match=f"^nothing was written to take the place of {path}$"), replacing(path):
        pass
    assert names(tmp_path) == ["x"]


def test_writers_of_one_process_do_not_share_their_temporary_file(tmp_path: Path) -> None:
    with replacing(tmp_path / "x") as one, replacing(tmp_path / "x") as other:
        assert one != other
        one.write_text("1")
        other.write_text("2")
    assert (tmp_path / "x").read_text() == "1"
    assert names(tmp_path) == ["x"]


def test_leftovers_of_the_dead_are_removed_and_nothing_else(tmp_path: Path) -> None:
    keep = [".hidden", "a.tmp", "sub/part-00000.parquet"]
    for name in [*keep, ".part-00000.parquet.99999-abcd.tmp", "sub/.x.json.1-ef.tmp"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / ".model.7-00.tmp").mkdir()
    (tmp_path / ".model.7-00.tmp" / "weights").write_text("")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted([*keep, "sub"])


def test_discard(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    discard(tmp_path / "a")
    assert names(tmp_path) == []


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)


@settings(max_examples=30)
@given(JSON)
def test_json_round_trip(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value


def test_json_is_utf8_in_any_locale(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from sfray.io.files import *; import sys;"
        " p = Path(sys.argv[1]); write_json(p, {'a': chr(0xd7)}); print(ascii(read_json(p)))"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", code, str(tmp_path / "a.json")],
        env={**os.environ, "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "{'a': '\\xd7'}"
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"a": "×"}


def test_what_json_cannot_hold_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", 1)
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"x": object()})
    assert read_json(tmp_path / "a.json") == 1
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe"])
def test_broken_json_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{path} is not JSON: "):
        read_json(path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_parquet_file_that_was_cut_short(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.parquet"
    write_table(path, TABLE)
    assert is_whole(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert not is_whole(path)


def test_a_missing_file_is_not_a_torn_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        is_whole(tmp_path / "a.parquet")


def test_tables_keep_their_row_groups(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", TABLE, row_group_size=16)
    assert pq.read_metadata(tmp_path / "a.parquet").num_row_groups == 7
    assert pq.read_table(tmp_path / "a.parquet").equals(TABLE)


def test_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    usage = namedtuple("usage", "total used free")

    def disk_usage(path: Path) -> usage:
        asked.append(path)
        return usage(10 << 30, 0, 3 << 29)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    require_space(tmp_path / "not" / "yet", floor=3 << 29)
    assert asked == [tmp_path]
    with pytest.raises(DiskFull) as caught:
        require_space(tmp_path / "run", floor=2 << 30)
    assert str(caught.value) == (
        f"{tmp_path / 'run'}: 1.50 GiB are free, at least 2.00 GiB are needed. Make room, or choose another run.dir"
    )


def test_space_of_a_relative_path_is_measured() -> None:
    with pytest.raises(DiskFull, match=r"^no/such/run: "):
        require_space(Path("no/such/run"), floor=1 << 80)


WRITER = """
import sys
from pathlib import Path
import pyarrow as pa
from sfray.io.files import replacing, write_json
from sfray.io.parquet import write_table
folder = Path(sys.argv[1])
print("ready", flush=True)
for i in range(10**9):
    write_json(folder / "a.json", {"i": i, "more": "x" * 100_000})
    write_table(folder / "a.parquet", pa.table({"x": [i] * 10_000}))
    with replacing(folder / "model") as temporary:
        temporary.mkdir()
        for name in "ab":
            (temporary / name).write_text(str(i))
"""


@pytest.mark.parametrize("pause", [0.05, 0.12])
def test_kill_9_of_a_writer(tmp_path: Path, pause: float) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"ready\n"
    while not (tmp_path / "model").exists():
        assert writer.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        writer.wait(pause)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    remove_leftovers(tmp_path)
    at = read_json(tmp_path / "a.json")["i"]
    (rows,) = set(pq.read_table(tmp_path / "a.parquet")["x"].to_pylist())
    assert at - 1 <= rows <= at
    if (tmp_path / "model").exists():  # the one moment between two renames has no folder, never half of one
        assert (tmp_path / "model" / "a").read_text() == (tmp_path / "model" / "b").read_text()
    assert set(names(tmp_path)) <= {"a.json", "a.parquet", "model", "model/a", "model/b"}
