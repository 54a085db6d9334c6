"""Runs the GRPO stage in a process of its own: ``driver.py FOLDER STEPS [GRPO]``.

FOLDER gets a small random model and Countdown questions (both written once) and the stage; GRPO is
JSON, further settings of the group ``grpo``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sfray import seeds
from sfray.artifacts import Questions
from sfray.config import Config
from sfray.config.validation import parse
from sfray.errors import interruptible, reported
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.records import Question
from sfray.store.artifact import Artifact
from sfray.tasks import countdown
from tests.training.grpo import model

GRPO = {
    "ranks_per_node": 1,
    "batch": 4,
    "mini_batch": 4,
    "micro_batch": 16,
    "n": 2,
    "lr": 1e-3,
    "max_prompt": 200,
    "max_response": 16,
    "gradient_checkpointing": False,
    "activation_offload": False,
    "save_every": 1,
    "test_every": 2,
    "keep": 2,
    "timeout_minutes": 14.0,
    "rollout": {"max_num_seqs": 16, "max_num_batched_tokens": 1024},
}


def config(folder: Path, steps: int, **grpo: Any) -> Config:
    """The smallest config that trains, with further settings of its group ``grpo``."""
    return parse(
        {
            "task": {"rl": {"count": 8}},
            "model": {"path": str(folder / "model"), "context": 512},
            "engine": {"kv_cache_gib": 0.1},
            "sft": {"max_length": 256},
            "trace": {"max_tokens": 256},
            "sample": {"max_tokens": 256},
            "reflect": {"max_tokens": 256},
            "evaluate": {"max_tokens": 256},
            "grpo": {**GRPO, "steps": steps, **grpo},
        }
    )


def write_questions(folder: Path) -> None:
    """Eight questions to train on, four to validate with."""
    for split, count in (("rl", 8), ("eval", 4)):
        rows = []
        for i in range(count):
            p = countdown.draw(seeds.rng(split, i), 3)
            gold = json.dumps({"numbers": list(p.numbers), "target": p.target})
            text, answer = countdown.question_text(p.numbers, p.target), countdown.render(p.tree)
            rows.append(
                Question(
                    id=f"countdown-3:{split}:{i:06d}",
                    task="countdown",
                    level="3",
                    split=split,
                    text=text,
                    gold=gold,
                    answer=answer,
                )
            )
        write_table(folder / f"{split}.parquet", to_table(Question, rows))


def main() -> None:
    """Runs or resumes the stage."""
    from sfray.training.grpo import stage as grpo

    folder, steps = Path(sys.argv[1]), int(sys.argv[2])
    further = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    if not (folder / "model").exists():
        model.save(folder / "model")
        write_questions(folder / "questions")
    # The same fingerprint for every number of steps, so that more steps continue.
    stage = Artifact(folder / "grpo", "grpo", {}, {})
    stage.open()
    questions = [Questions(folder / "questions", split) for split in ("rl", "eval")]
    grpo.train(config(folder, steps, **further), stage, str(folder / "model"), *questions)


if __name__ == "__main__":
    with interruptible(), reported():
        main()
