"""Names are names, text is UTF-8, content has a digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfray.io.userfiles import content_digest, is_local, located, model_digest, read_utf8, utf8_lines, visible_files


def test_the_home_folder_is_expanded_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h")
    assert located("~/a[1]*?.jsonl") == Path("/h/a[1]*?.jsonl")
    assert located("a/~b/$HOME") == Path("a/~b/$HOME")


@pytest.mark.parametrize(
    ("name", "local"),
    [("x.jsonl", True), ("x.JSONL", True), ("./x", True), ("~/x", True), ("/x", True), ("a/b/c", True), ("a/b", False)],
)
def test_what_can_only_be_local(name: str, local: bool) -> None:
    assert is_local(name, (".jsonl",)) is local


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    for name in ("b.jsonl", "._b.jsonl", ".ipynb_checkpoints/b.jsonl", "a/c.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert visible_files(tmp_path) == [tmp_path / "a" / "c.jsonl", tmp_path / "b.jsonl"]


def test_text_is_utf8_with_or_without_a_mark(tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    file.write_bytes(b"\xef\xbb\xbf\xc3\xa9\r\n2")
    assert read_utf8(file) == "\u00e9\r\n2"
    assert list(utf8_lines(file)) == ["\u00e9\r\n", "2"]
    file.write_bytes(b"ok\n\xff\n")
    with pytest.raises(ValueError, match=r"x\.txt: line 2 is not UTF-8: invalid start byte$"):
        read_utf8(file)
    first, second = utf8_lines(file)
    assert (first, type(second)) == ("ok\n", UnicodeDecodeError)


@pytest.mark.parametrize(("encoding", "said"), [("utf-16", "is UTF-16; save"), ("utf-16-le", "zero bytes")])
def test_other_encodings_are_refused_by_name(tmp_path: Path, encoding: str, said: str) -> None:
    file = tmp_path / "x.txt"
    file.write_bytes("text".encode(encoding))
    with pytest.raises(ValueError, match=rf"x\.txt: .*{said}.*UTF-8$"):
        read_utf8(file)


def test_a_digest_is_of_names_and_bytes(tmp_path: Path) -> None:
    for folder, name, text in (("a", "x", "1"), ("b", "x", "1"), ("c", "x", "2"), ("d", "y", "1")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    (tmp_path / "b" / ".hidden").write_text("no data")
    a, b, c, d = (content_digest(tmp_path / n) for n in "abcd")
    assert a == b
    assert len({a, c, d}) == 3
    assert content_digest(tmp_path / "a" / "x") == content_digest(tmp_path / "d" / "y")


def test_a_models_digest_is_of_its_own_files(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    before = model_digest(tmp_path)
    (tmp_path / "README.md").write_text("text")
    assert model_digest(tmp_path) == before
    (tmp_path / "model.safetensors").write_text("w")
    assert model_digest(tmp_path) != before
