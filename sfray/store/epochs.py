"""Epochs: of the drivers that open an artifact, only the last one may write in it.

    runs/artifacts/sample/<fingerprint>/epochs/000001    {"taken_over": {…}}: crossed out by the second driver
                                               000002    {"process": …, "host": …}: the claim that holds

A lock is not enough: there is none on some file systems, the server of another gives it away
when its holder's node does not answer, and an operator may delete it. So each driver that
opens an artifact claims the next epoch, by creating a file that must not exist, and crosses
out the earlier ones before it does anything else. Every writer of a driver, its actors on
other nodes included, reads the file of its own epoch right before each durable operation
(:func:`sfray.io.operations.guard`), and stops when it is not as it was. The check opens a file
by its name, which is where shared file systems promise to show what others have closed.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sfray.errors import REFUSED
from sfray.io import files
from sfray.io.operations import guard

FOLDER = "epochs"


class TakenOver(RuntimeError):
    """Another driver has opened the artifact since."""

    exit_status = REFUSED
    """Another try would take the artifact back from the driver that is at it."""


@dataclass(frozen=True)
class Claim:
    """A driver's right to write in an artifact. Plain data: it travels to actors.

    Attributes:
        folder: The artifact's.
        stage: What the artifact is, for the message.
        epoch: The number.
        text: What the file of the epoch says as long as the claim holds.
    """

    folder: Path
    stage: str
    epoch: int
    text: str

    @property
    def file(self) -> Path:
        """The file of the epoch."""
        return self.folder / FOLDER / _name(self.epoch)

    def join(self) -> None:
        """Has every durable operation below the folder checked, in this process."""
        guard(self.folder, self.check)

    def check(self) -> None:
        """Looks whether the claim still holds.

        Raises:
            TakenOver: It does not.
        """
        try:
            there = self.file.read_text(encoding="utf-8")
        except FileNotFoundError:
            there = ""
        if there != self.text:
            raise TakenOver(
                f"{self.stage}: {_successor(there)} has taken over {self.folder}; this driver (epoch {self.epoch}, "
                f"{_who(json.loads(self.text))}) stops and writes nothing more there. There is nothing to do: what it "
                "had finished is kept"
            )


def claim(folder: Path, stage: str) -> Claim:
    """Begins the next epoch of an artifact, in which only the caller and those that it tells may write.

    Args:
        folder: The artifact's.
        stage: What the artifact is.
    """
    guard(folder, None)  # of an earlier epoch of this very process
    me = {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "token": secrets.token_hex(8),  # tells a claim from one of the same number in a folder that was made again
    }
    text = json.dumps(me) + "\n"
    epoch = 1 + max((int(p.name) for p in _epochs(folder)), default=0)
    while True:
        try:
            files.create(folder / FOLDER / _name(epoch), text)
            break
        except FileExistsError:  # somebody was faster, or an old listing was shown
            epoch += 1
    for earlier in range(1, epoch):
        _cross_out(folder / FOLDER / _name(earlier), {"taken_over": {"epoch": epoch, **me}})
    mine = Claim(folder, stage, epoch, text)
    mine.join()
    return mine


def _cross_out(file: Path, by: dict[str, object]) -> None:
    if "taken_over" not in _read(file):
        files.write_json(file, by)


def _epochs(folder: Path) -> list[Path]:
    return [p for p in (folder / FOLDER).glob("*") if p.name.isdecimal()]


def _name(epoch: int) -> str:
    return f"{epoch:06d}"


def _read(file: Path) -> dict[str, object]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):  # of a driver that died while it wrote the file
        return {}


def _successor(text: str) -> str:
    try:
        by = json.loads(text)["taken_over"]
        return f"{_who(by)} (epoch {by['epoch']}, since {by['since']})"
    except (ValueError, KeyError, TypeError):
        return "somebody who left no name"


def _who(claimed: Mapping[str, object]) -> str:
    return f"process {claimed['process']} on {claimed['host']}"
