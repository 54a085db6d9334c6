"""Runs the SFT stage in a process and a Ray instance of its own: ``driver.py FOLDER SETTINGS``.

FOLDER gets a small random model, silver traces (both written once) and the stage.
SETTINGS is JSON: ``{"sft": {…}, "model": {…}, "seed": 0, "stage": "sft", "cpus": 2}``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sfray import cluster, seeds
from sfray.artifacts import Traces
from sfray.config import Config
from sfray.config.validation import parse
from sfray.errors import interruptible
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.records import Trace
from sfray.store.artifact import Artifact

TRACES = 22
SFT = {
    "workers": 1,
    "batch": 4,
    "micro_batch": 2,
    "epochs": 1,
    "lr": 1e-2,
    "max_length": 400,
    "zero": 1,
    "save_every": 2,
}


def write_model(folder: Path) -> None:
    """A random Qwen2 model with a byte-level tokenizer, small enough for a step in milliseconds."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    words = ["<|end|>", "<|endoftext|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    backend = Tokenizer(models.BPE(vocab={w: i for i, w in enumerate(words)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<|end|>", "<|endoftext|>"])
    template = (
        "{% for m in messages %}{{ '[' + m['role'] + ']' + m['content'] + '<|end|>' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}"
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|end|>", pad_token="<|endoftext|>", chat_template=template
    )
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(words),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=1,
        )
    )
    model.generation_config = GenerationConfig(eos_token_id=0, pad_token_id=1)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def traces() -> list[Trace]:
    """Traces of very different lengths; the last is too long for ``sft.max_length``."""
    rows = []
    for i in range(TRACES):
        n = seeds.derive("length", i) % 120 + 3
        text = "<think>" + "".join(seeds.rng("text", i).choices("abc 123", k=n)) + "</think>"
        rows.append(_trace(i, text))
    return [*rows, _trace(TRACES, "x" * 500)]


def _trace(i: int, text: str) -> Trace:
    name = f"countdown-3:sft:{i:06d}"
    return Trace(
        id=f"{name}#algorithm1.0",
        question_id=name,
        recipe="algorithm1",
        prompt=f"Question {i}?",
        text=text,
        answer="1",
        attempts=["a"],
        reflections=["r"],
        n_correct=1,
        n_incorrect=0,
        tokens=len(text),
    )


def config(folder: Path, settings: dict) -> Config:
    """The config of a run in ``folder``."""
    raw = {
        "run": {"dir": str(folder), "name": "run", "seed": settings.get("seed", 0)},
        "model": {"path": str(folder / "base"), "context": 512} | settings.get("model", {}),
        "sample": {"max_tokens": 64},
        "reflect": {"max_tokens": 64},
        "evaluate": {"max_tokens": 64},
        "trace": {"max_tokens": 400},
        "grpo": {"max_prompt": 64, "max_response": 64},
        "sft": SFT | settings.get("sft", {}),
        "cluster": {"address": "local", "num_cpus": settings.get("cpus", 2), "num_gpus": 0, "object_store_gib": 0.2},
    }
    return parse(raw)


def prepare(folder: Path) -> None:
    """Writes the model, and the traces in two parts."""
    write_model(folder / "base")
    rows = traces()
    write_table(folder / "traces" / "part-00000.parquet", to_table(Trace, rows[:15]))
    write_table(folder / "traces" / "part-00001.parquet", to_table(Trace, rows[15:]))


def main() -> None:
    """Prepares what is not there yet, then runs or resumes the stage."""
    folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    if not (folder / "traces").exists():
        prepare(folder)
    from sfray.training.sft import stage as sft

    made = config(folder, settings)
    stage = Artifact(folder / settings.get("stage", "sft"), "sft", {"sft": settings.get("sft", {})}, {"traces": "0"})
    stage.open()
    connect(made)
    try:
        sft.train(made, stage, str(folder / "base"), Traces(folder / "traces"))
    finally:
        cluster.disconnect()


def connect(made: Config, attempts: int = 4) -> None:
    """Starts Ray, again if need be: it gives its node 30 seconds, too few on a busy machine."""
    for left in reversed(range(attempts)):
        try:
            cluster.connect(made.cluster)
        except Exception as error:
            if not left or "timed out during startup" not in str(error):
                raise
        else:
            return


if __name__ == "__main__":
    with interruptible():
        main()
