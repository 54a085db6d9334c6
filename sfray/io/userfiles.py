"""Files that a user names: found by name alone, never by pattern, and read as UTF-8 or refused.

A path is taken as it is written, so ``[1]``, ``*`` and ``?`` are letters of a name; ``~`` is
the home folder. Hidden files and folders (``.ipynb_checkpoints``, ``._data.jsonl``) are left
by editors and file systems, so they are not data.
"""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEAD_BYTES = 4096
_MODEL_SUFFIXES = (".safetensors", ".bin", ".json", ".txt", ".model", ".jinja", ".py")


def located(name: str) -> Path:
    """The path of a name that a user wrote, with ``~`` as the home folder."""
    return Path(os.path.expanduser(name))


def is_local(name: str, suffixes: Collection[str]) -> bool:
    """Whether a name can only be a file or folder here, not something on the hub.

    Args:
        name: As the user wrote it.
        suffixes: Endings of data files, in lower case.
    """
    path = located(name)
    if path.exists() or path.is_absolute() or name.startswith((".", "~")):
        return True
    return path.suffix.lower() in suffixes or len(path.parts) > 2


def visible_files(folder: Path) -> list[Path]:
    """The files below a folder in order of their paths, without what is hidden."""
    found = (p for p in folder.rglob("*") if not _is_hidden(p.relative_to(folder)))
    return sorted(p for p in found if p.is_file())


def open_utf8(file: Path) -> BinaryIO:
    """Opens a text file for reading bytes, after its byte-order mark.

    Raises:
        ValueError: It is UTF-16, or holds the zero bytes of another such encoding.
    """
    stream = file.open("rb")
    try:
        head = stream.read(_HEAD_BYTES)
        if head.startswith(_UTF16):
            raise ValueError(f"{file}: the text is UTF-16; save it as UTF-8")
        if b"\0" in head:
            raise ValueError(f"{file}: holds zero bytes, so it is UTF-16 or no text; save it as UTF-8")
        stream.seek(len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0)
    except (ValueError, OSError):
        stream.close()
        raise
    return stream


def read_utf8(file: Path) -> str:
    """The whole text of a file, without its byte-order mark.

    Raises:
        ValueError: It is not UTF-8; names the line.
    """
    with open_utf8(file) as stream:
        content = stream.read()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{file}: line {line} is not UTF-8: {error.reason}") from error


def utf8_lines(file: Path) -> Iterator[str | UnicodeDecodeError]:
    """The lines of a file; in place of one that is not UTF-8 the error that says so.

    Raises:
        ValueError: The file is UTF-16.
    """
    with open_utf8(file) as stream:
        for line in stream:
            yield decoded(line)


def decoded(line: bytes) -> str | UnicodeDecodeError:
    """A line as text, or why it cannot be read as text."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        return error


def content_digest(path: str | Path) -> str:
    """Hash of a file's bytes, or of the names and bytes of a folder's visible files.

    Raises:
        FileNotFoundError: Nothing is there.
    """
    root = Path(path)
    if root.is_dir():
        return _digest(root, visible_files(root))
    whole = hashlib.sha256()
    whole.update(_file_digest(root))
    return whole.hexdigest()[:16]


def model_digest(folder: Path) -> str:
    """Hash of the names and bytes of a model's weights, tokenizer and configuration.

    Weights take seconds to read and a run asks often, so one process reads a file again
    only when its size or its time of change differs.
    """
    files = [p for p in sorted(folder.iterdir()) if p.suffix in _MODEL_SUFFIXES and not p.name.startswith(".")]
    files = [p for p in files if p.is_file()]
    stats = [p.stat() for p in files]
    return _model_digest(
        folder.resolve(), tuple((p.name, s.st_size, s.st_mtime_ns) for p, s in zip(files, stats, strict=True))
    )


@cache
def _model_digest(folder: Path, files: tuple[tuple[str, int, int], ...]) -> str:
    return _digest(folder, [folder / name for name, _, _ in files])


def _digest(root: Path, files: list[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        name = file.relative_to(root).as_posix().encode("utf-8", "surrogateescape")
        whole.update(hashlib.sha256(name).digest() + _file_digest(file))
    return whole.hexdigest()[:16]


def _file_digest(file: Path) -> bytes:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith(".") for part in relative.parts)
