"""In a worker's process: it says who it is, and where its stacks can be read."""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
import tempfile
from functools import cache
from typing import IO

from sfray.store.artifact import Artifact
from sfray.store.workers import Identity, Journal, read


def join(output: Artifact, kind: str = "actor", slot: str = "") -> Journal:
    """Has this process join the workers of an artifact: what it writes there is checked against the driver's claim.

    From now on SIGUSR1 has the interpreter write the stacks of all threads, also while native code hangs.

    Args:
        output: The artifact.
        kind: As :class:`sfray.store.workers.Identity` says.
        slot: What of it a restart keeps; the id of the actor by default.
    """
    output.join()
    node, actor = _place()
    me = Identity(
        kind=kind,
        slot=slot or actor or "worker",
        epoch=output.epoch,
        host=socket.gethostname(),
        process=os.getpid(),
        node=node,
        stacks=_stacks().fileno(),
    )
    return Journal(output.path, me)


def worked_before(output: Artifact) -> bool:
    """Whether this process is an actor that Ray has started again, and the one before worked on an artifact.

    Args:
        output: The artifact, as the driver that is at it has opened it.
    """
    _, actor = _place()
    records = read(output.path) if actor else []
    return any((r.who.epoch, r.who.slot) == (output.epoch, actor) for r in records)


def _place() -> tuple[str, str]:
    """Ray's ids of this node and of this actor; empty where there are none."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return "", ""
    context = ray.get_runtime_context()
    return context.get_node_id(), context.get_actor_id() or ""


@cache
def _stacks() -> IO[bytes]:
    """The file of this process's stacks: without a name, so it goes when the process does; read by its descriptor."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process lives
    faulthandler.register(signal.SIGUSR1, file=file, all_threads=True)
    return file
