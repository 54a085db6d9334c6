"""Which processes of a cluster ended without being asked to, as Ray's head tells: where, when and how."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from multiprocessing import TimeoutError as LateError
from multiprocessing.pool import ThreadPool
from typing import Any

from sfray.store.failure import Death

ANSWER_SECONDS = 10.0
"""How long the head may take to answer: when a step has failed, it may be what is gone."""

_OUT_OF_MEMORY = "Ray ended it, as its node was out of memory"
_UNASKED = {0: "it died unexpectedly", 4: _OUT_OF_MEMORY}
"""Ray's reasons for a worker's end that nobody wished for (``WorkerExitType``) -> in words."""


def deaths(since: float) -> list[Death]:
    """The deaths since a time, the first one first; none where Ray is not in use or its head does not answer.

    Args:
        since: Seconds since the epoch.
    """
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return []
    asked = ThreadPool(1)  # Python does not wait for its threads at exit
    try:
        return told(asked.apply_async(_workers).get(ANSWER_SECONDS), since)
    except (LateError, ray.exceptions.RayError):
        return []
    finally:
        asked.close()


def told(workers: Iterable[Any], since: float) -> list[Death]:
    """The deaths in Ray's table of workers.

    Args:
        workers: ``WorkerTableData`` of Ray.
        since: Seconds since the epoch.
    """
    ended = [w for w in workers if not w.is_alive and w.exit_type in _UNASKED and w.end_time_ms >= since * 1000]
    return [
        Death(
            host=worker.worker_address.ip_address,
            process=worker.pid,
            when=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(worker.end_time_ms / 1000)),
            how=_how(worker),
        )
        for worker in sorted(ended, key=lambda w: (w.end_time_ms, w.pid))
    ]


def _how(worker: Any) -> str:
    """Why it ended; what Ray's monitor of memory says is worth all of its words."""
    said = worker.exit_detail.strip().splitlines()
    if worker.exit_type == 4 and said:
        return f"{_OUT_OF_MEMORY}: {said[0]}"
    held = f"; it held {worker.memory_used_bytes_at_death / 2**30:.1f} GiB" if worker.memory_used_bytes_at_death else ""
    return _UNASKED[worker.exit_type] + held


def _workers() -> list[Any]:
    """Ray's table of workers, those that have ended included."""
    from ray._private.state import state
    from ray.core.generated.gcs_pb2 import WorkerTableData  # type: ignore[attr-defined] # is made as it is imported

    return [WorkerTableData.FromString(row) for row in state._connect_and_get_accessor().get_worker_table()]
