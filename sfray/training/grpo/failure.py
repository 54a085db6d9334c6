"""What to tell a person when verl failed: the root cause, the log, and a hint."""

from __future__ import annotations

import re
from pathlib import Path

_PREFIX = re.compile(r"^(?:\x1b\[\d+m)?\([^)]*pid=[^)]*\)(?:\x1b\[\d+m)? ?")
_ERROR = re.compile(
    r"^(?:ray\.exceptions\.)?[A-Za-z_.]*(?:Error|Exception|RewardBroken|RolloutMismatch|ActorLost|Interrupt)(?::|\(|$).*"
)
_WRAPPERS = ("RayTaskError", "ActorDiedError", "ActorUnavailableError", "CalledProcessError")

_HINTS = (
    (r"ActorLost.*node", "A node was lost; verl needs another in its place, see grpo.nodes."),
    (r"out of memory|OutOfMemory|OOM", "Lower grpo.micro_batch, grpo.rollout.max_num_seqs or grpo.rollout."),
    (r"No space left", "Make room on the disk of run.dir; grpo.keep limits the checkpoints."),
    (r"rollout group\(s\) failed", "A rollout or its reward raised an error; the first one is above."),
    (
        r"RolloutMismatch",
        "Start again: if it happens again, the weights do not reach the rollout; see docs/training.md.",
    ),
    (r"RewardBroken", "Check the model's chat template and special tokens, and prompts=…"),
    (r"AF_UNIX path too long|socket path", "Set TMPDIR to a shorter path: Ray's sockets allow 107 characters."),
    (r"KV cache|max_model_len|max_seq_len", "Raise engine.kv_cache_gib (CPU) or grpo.rollout.gpu_memory_utilization."),
    (r"timed out during startup", "The machine was too busy for Ray to start within its 30 s; run again."),
    (r"address already in use", "Another process took a port; run again."),
    (r"ConfigKeyError|Could not override|MissingConfig", "Check grpo.overrides against verl's config."),
    (r"Placement group|resources|insufficient", "Check grpo.nodes and grpo.ranks_per_node against the cluster."),
)

_TAIL = 400_000
"""Characters of the log that are searched."""


def causes(log: str, limit: int = 5) -> list[str]:
    """The distinct error lines, the first ones first; wrappers of other errors only if alone."""
    seen: dict[str, None] = {}
    for raw in log.splitlines():
        line = _PREFIX.sub("", raw).strip()
        if _ERROR.match(line):
            seen.setdefault(line[:300])
    plain = [line for line in seen if not any(w in line for w in _WRAPPERS)]
    return (plain or list(seen))[:limit]


def hint(log: str) -> str:
    """What a person can do about it, where that is known."""
    for pattern, advice in _HINTS:
        if re.search(pattern, log):
            return advice
    return "The end of the log says more."


def explain(log_path: Path, offset: int, what: str) -> str:
    """A message for people.

    Args:
        log_path: verl's log.
        offset: Where this launch began in it.
        what: What happened, in a sentence.
    """
    with log_path.open("rb") as file:
        file.seek(max(offset, log_path.stat().st_size - _TAIL))
        text = file.read().decode(errors="replace")
    found = causes(text) or [line for line in text.splitlines() if line.strip()][-5:]
    listed = "\n".join(f"  {line}" for line in found)
    return (
        f"grpo: {what}\n{listed}\nLog: {log_path}\nHint: {hint(' '.join(found) or text)}\n"
        "The same command continues from the last checkpoint."
    )
