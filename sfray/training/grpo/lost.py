"""verl's actors that died while others wait for them.

A rollout whose agent loop or engine is gone never comes, and verl asks for it again and again: the loss of a node would
show as a hang, up to ``engine.timeout_minutes``. So whoever waits looks at Ray's table of actors meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_UNASKED = ("WORKER_DIED", "NODE_DIED")
"""Of Ray's reasons for an actor's death, those that nobody wished for."""


class ActorLost(RuntimeError):
    """An actor of verl's died."""


def require_all() -> None:
    """Asks Ray whether actors of this job have died.

    Raises:
        ActorLost: Some have; says which, and of what.
    """
    import ray
    from ray._private.state import actors

    job = ray.get_runtime_context().job_id
    if found := lost(actors(job_id=job, actor_state_name="DEAD").values()):
        raise ActorLost(f"{len(found)} of verl's actors died: " + "\n".join(found))


def lost(actors: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each dead actor whose end nobody asked for: its name, and the cause in Ray's words.

    Args:
        actors: Rows of Ray's table of actors, with a ``DeathCause`` each.
    """
    return sorted(
        f"{actor['Name'] or actor['ActorClassName']}: {cause}"
        for actor in actors
        if (cause := _cause(actor["DeathCause"]))
    )


def _cause(death: Any) -> str | None:
    """Ray's words for an unasked death (an ``ActorDeathCause``), its first two lines as one."""
    if death.HasField("oom_context"):
        said = death.oom_context.error_message
    elif death.HasField("actor_died_error_context"):
        context = death.actor_died_error_context
        if type(context).Reason.Name(context.reason) not in _UNASKED:
            return None
        said = context.error_message
    else:
        return None
    return " ".join(" ".join(said.splitlines()[:2]).split())
