"""Whether a step fits the nodes that are there, before it starts to wait for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sfray.cluster import room
from sfray.deploy.needs import Need

Resources = Mapping[str, float]
"""``CPU`` and ``GPU`` of a node."""

_KEYS = {
    "sft": "sft.workers",
    "grpo": "grpo.nodes or grpo.ranks_per_node",
    "traces": "trace.builders",
}
"""What to lower, by the kind of the stage; engines otherwise."""


def shortfall(need: Need, nodes: Sequence[Resources]) -> str | None:
    """Why a step would wait for ever; None when it fits.

    Args:
        need: Of the step.
        nodes: What each node that is alive has.
    """
    wanted = need.fewest
    there = room(nodes, need.cpus, need.gpus)
    cpus = sum(node.get("CPU", 0.0) for node in nodes)
    if there >= wanted and cpus >= wanted * need.cpus + need.beside:
        return None
    each = f"{need.gpus} GPUs and {need.cpus:g} CPUs" if need.gpus else f"{need.cpus:g} CPUs"
    beside = f", and {need.beside:g} CPUs beside them," if need.beside else ""
    parts = ", ".join(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes) or "nothing"
    lower = _KEYS.get(need.kind, "engine.actors, or what each takes")
    return (
        f"{need.stage}: needs {wanted} times {each}{beside} at once, each on one node; of the {len(nodes)} nodes that "
        f"are alive ({parts}) only {there} can be had. Lower {lower}"
    )
