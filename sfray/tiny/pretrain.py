"""Pre-trains the embedded tiny base model: ``python -m sfray.tiny.pretrain [--phase NAME] [--from FOLDER]``.

There are three phases. The first, ``apart``, starts from random weights: short rows, whose
documents are blind to each other (:mod:`sfray.tiny.packing`). The others go on from the
folder that ``--from`` names: ``together`` has long rows, whose documents follow each other in
one context (:mod:`sfray.tiny.context`), and ``distant`` has rows as long as the context, with
documents whose own parts lie far apart (:mod:`sfray.tiny.distance`). Every option has a
default for each phase.

Each step sums the gradients of a fixed number of shards. What a shard holds depends on
the seed, the step and the shard alone, so a run can be killed and resumed, and worked
by one process or two, and sees the same data. Every process uses one thread: small
matrices gain nothing from more, and shared machines lose much.

Learning rates rise, stay, and fall linearly over the last steps; a checkpoint of the
constant part can therefore be resumed with another ``--steps``.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, GenerationConfig, Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

from sfray.seeds import derive, rng
from sfray.tiny import MODEL_DIR, context, distance, packing, tokenizer
from sfray.tiny.muon import Muon
from sfray.tiny.packing import IGNORE, PADDING


@dataclass(frozen=True)
class Settings:
    """Everything that decides the weights, but for those it goes on from. The defaults are the first phase's."""

    phase: str = "apart"
    seed: int = 20251204
    steps: int = 2_700
    warmup: int = 100
    decay: int = 500
    shards: int = 2
    rows: int = 20
    length: int = 256
    hidden: int = 128
    layers: int = 5
    heads: int = 4
    inner: int = 384
    matrix_lr: float = 0.02
    vector_lr: float = 0.004

    def rate(self, step: int) -> float:
        """The factor on the learning rates at a step (from 0)."""
        rise = (step + 1) / self.warmup if self.warmup else 1.0
        fall = (self.steps - step) / self.decay if self.decay else 1.0
        return min(1.0, rise, fall)


PHASES = {
    "apart": Settings(),
    "together": Settings(
        phase="together", steps=1_200, warmup=20, decay=600, rows=5, length=1_024, matrix_lr=0.01, vector_lr=0.002
    ),
    "distant": Settings(
        phase="distant", steps=900, warmup=20, decay=700, rows=3, length=2_048, matrix_lr=0.01, vector_lr=0.002
    ),
}
"""The phases in their order, each with its defaults; the first starts from random weights."""

MIXES = {"together": context.TOGETHER, "distant": distance.DISTANT}
"""What the phases that go on from weights read."""


def build(settings: Settings, words: Qwen2Tokenizer) -> Qwen2ForCausalLM:
    """A freshly initialised model."""
    torch.manual_seed(derive("tiny", "weights", settings.seed))
    config = Qwen2Config(
        vocab_size=len(words),
        hidden_size=settings.hidden,
        intermediate_size=settings.inner,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        max_position_embeddings=tokenizer.CONTEXT,
        tie_word_embeddings=True,
        use_sliding_window=False,
        bos_token_id=None,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    model = Qwen2ForCausalLM(config)
    model.set_attn_implementation("sdpa")
    return model


def optimizers(model: Qwen2ForCausalLM, settings: Settings) -> list[torch.optim.Optimizer]:
    """Muon for the hidden layers' matrices, AdamW for embeddings, norms and biases."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    chosen = {id(p) for p in matrices}
    vectors = [p for p in model.parameters() if id(p) not in chosen]
    return [
        Muon(matrices, lr=settings.matrix_lr),
        torch.optim.AdamW(vectors, lr=settings.vector_lr, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def load(model: Qwen2ForCausalLM, folder: Path, words: Qwen2Tokenizer) -> None:
    """Puts the weights of a folder into a model of the same vocabulary and widths, with as many layers or fewer.

    A model of fewer layers takes evenly spread ones, the first and the last among them, as DistilBERT starts from
    its teacher's (section 3 of https://arxiv.org/abs/1910.01108).

    Raises:
        ValueError: The folder's tokenizer has another vocabulary, or its model fewer layers.
    """
    if AutoTokenizer.from_pretrained(folder).get_vocab() != words.get_vocab():
        raise ValueError(f"--from: the tokenizer in {folder} has another vocabulary than sfray.tiny.tokenizer trains")
    source = Qwen2ForCausalLM.from_pretrained(folder, dtype=torch.float32)
    have, wanted = len(source.model.layers), len(model.model.layers)
    if wanted > have:
        raise ValueError(f"--layers: {wanted}, but the model in {folder} has {have}")
    source.model.layers = torch.nn.ModuleList(source.model.layers[place] for place in spread(have, wanted))
    model.load_state_dict(source.state_dict())


def spread(have: int, wanted: int) -> list[int]:
    """Evenly spread places among those from 0 to ``have`` - 1, the first and the last among them."""
    return [round(place * (have - 1) / max(wanted - 1, 1)) for place in range(wanted)]


def summed_loss(body: Callable[..., Any], head: torch.nn.Module, packed: dict[str, Any]) -> torch.Tensor:
    """The loss summed over the learned tokens of a packed batch; only they get logits."""
    labels = packed.pop("labels")
    learned = labels != IGNORE
    states = body(**packed, use_cache=False).last_hidden_state
    return cross_entropy(head(states[learned]), labels[learned], reduction="sum")


class Trainer:
    """One process of a run: its share of the shards, and a full copy of the weights."""

    def __init__(
        self,
        settings: Settings,
        out: Path,
        rank: int = 0,
        world: int = 1,
        fast: bool = True,
        origin: Path | None = None,
    ) -> None:
        self.settings, self.out, self.rank, self.world = settings, out, rank, world
        self.words = tokenizer.train(settings.seed)
        self.model = build(settings, self.words)
        if origin:
            load(self.model, origin, self.words)
        self.optimizers = optimizers(self.model, settings)
        self.body = torch.compile(self.model.model) if fast else self.model.model
        self.step, self.seen = 0, 0
        self.resume()

    def advance(self) -> float:
        """Takes one step; returns the mean loss over the learned tokens of all shards."""
        total, learned, slots = 0.0, 0, 0
        for shard in range(self.rank, self.settings.shards, self.world):
            packed = self.batch(shard)
            learned += int((packed["labels"] != IGNORE).sum())
            slots += int((packed["position_ids"] != PADDING).sum())
            loss = summed_loss(self.body, self.model.lm_head, packed)
            loss.backward()
            total += loss.item()
        total, learned, slots = self._share(total, learned, slots)
        for optimizer, lr in zip(self.optimizers, self._rates(), strict=True):
            optimizer.param_groups[0]["lr"] = lr
            optimizer.step()
        self.model.zero_grad(set_to_none=True)
        self.step += 1
        self.seen += slots
        return total / learned

    def batch(self, shard: int) -> dict[str, Any]:
        """The data of a shard at the current step."""
        wanted, words = self.settings, self.words
        if wanted.phase == "apart":
            source = rng("tiny", "batch", wanted.seed, self.step, shard)
            return packing.batch(source, words.backend_tokenizer, wanted.rows, wanted.length, words.pad_token_id)
        source = rng("tiny", wanted.phase, wanted.seed, self.step, shard)
        draw = MIXES[wanted.phase].document
        drawn = context.batch(source, words.backend_tokenizer, wanted.rows, wanted.length, tokenizer.CONTEXT, draw)
        return {**drawn, "attention_mask": {"full_attention": None}}  # plainly causal: no mask has to be built

    def _rates(self) -> list[float]:
        """The learning rates at the current step."""
        factor = self.settings.rate(self.step)
        return [factor * self.settings.matrix_lr, factor * self.settings.vector_lr]

    def _share(self, total: float, learned: int, slots: int) -> tuple[float, int, int]:
        """Adds up the processes' gradients and counts; leaves mean gradients behind."""
        grads = [p.grad for p in self.model.parameters() if p.grad is not None]
        counts = torch.tensor([total, learned, slots])
        flat = torch.cat([g.flatten() for g in grads] + [counts])
        if self.world > 1:
            dist.all_reduce(flat)
        total, learned, slots = flat[-3].item(), int(flat[-2]), int(flat[-1])
        at = 0
        for grad in grads:
            grad.copy_(flat[at : at + grad.numel()].view_as(grad)).div_(learned)
            at += grad.numel()
        return total, learned, slots

    def save(self) -> None:
        """Writes a resumable state, whole or not at all."""
        state = {
            "step": self.step,
            "seen": self.seen,
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
        }
        part = self.out / "state.pt.part"
        torch.save(state, part)
        os.replace(part, self.out / "state.pt")

    def resume(self) -> None:
        """Goes on from the last saved state, if there is one."""
        path = self.out / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        self.step, self.seen = state["step"], state["seen"]
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)

    def export(self, folder: Path) -> None:
        """Writes a Hugging Face folder, whole or not at all, keeping what else lies there."""
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        ends = {"eos_token_id": self.words.eos_token_id, "pad_token_id": self.words.pad_token_id}
        self.model.generation_config = GenerationConfig(**ends)
        self.model.save_pretrained(part)
        self.words.save_pretrained(part)
        folder.mkdir(parents=True, exist_ok=True)
        for file in part.iterdir():
            file.chmod(0o644)  # safetensors writes files that only their owner may read
            os.replace(file, folder / file.name)
        part.rmdir()


def work(rank: int, settings: Settings, args: argparse.Namespace, port: int) -> None:
    """Runs one process of the training to its end."""
    torch.set_num_threads(1)
    if args.workers > 1:
        dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=args.workers)
    trainer = Trainer(settings, args.state, rank, args.workers, not args.eager, args.origin)
    console = Console(quiet=rank > 0)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("compiling", total=settings.steps, completed=trainer.step)
        began, first = time.monotonic(), trainer.step
        recent: list[float] = []
        while trainer.step < settings.steps:
            recent = [*recent[-99:], trainer.advance()]
            mean = sum(recent) / len(recent)
            progress.update(bar, completed=trainer.step, description=f"loss {mean:.4f}")
            if not math.isfinite(recent[-1]):
                raise FloatingPointError(f"loss is {recent[-1]} at step {trainer.step}")
            if rank == 0 and (trainer.step % args.save_every == 0 or trainer.step == settings.steps):
                trainer.save()
                spent = time.monotonic() - began
                left = spent / (trainer.step - first) * (settings.steps - trainer.step)
                figures = f"tokens {trainer.seen:,} loss {mean:.4f} {spent:.0f} s, {left:.0f} s left"
                console.log(f"step {trainer.step}/{settings.steps} {figures}")
    if rank == 0:
        trainer.export(args.out)
    if args.workers > 1:
        dist.destroy_process_group()


def parse(arguments: list[str] | None = None) -> tuple[Settings, argparse.Namespace]:
    """Reads the command line: every field of :class:`Settings`, and where and how to run."""
    parser = argparse.ArgumentParser(prog="python -m sfray.tiny.pretrain", description=__doc__.split("\n")[0])
    names = [name for name in Settings.__dataclass_fields__ if name != "phase"]
    for name in names:
        kind = type(Settings.__dataclass_fields__[name].default)
        defaults = sorted({getattr(phase, name) for phase in PHASES.values()})
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=f"default {' or '.join(map(str, defaults))}")
    parser.add_argument("--phase", choices=PHASES, default="apart", help="what is trained on (default apart)")
    parser.add_argument("--from", dest="origin", type=Path, help="folder of weights that the later phases go on from")
    parser.add_argument("--out", type=Path, default=MODEL_DIR, help="Hugging Face folder to write")
    parser.add_argument("--state", type=Path, default=Path("outputs/tiny"), help="folder of the resumable state")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread (at most one per shard)")
    parser.add_argument("--save-every", type=int, default=50, help="steps between saved states")
    parser.add_argument("--eager", action="store_true", help="do not compile (no C++ compiler needed; slower)")
    args = parser.parse_args(arguments)
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    settings = replace(PHASES[args.phase], **given)
    if (args.origin is None) != (args.phase == "apart"):
        parser.error("the phase apart starts from random weights; every other one goes on from a folder: --from FOLDER")
    if not 1 <= args.workers <= settings.shards:
        parser.error(f"--workers must lie between 1 and the number of shards ({settings.shards})")
    return settings, args


def main(arguments: list[str] | None = None) -> None:
    """Starts the processes and waits for them."""
    settings, args = parse(arguments)
    args.state.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if args.workers == 1:
        work(0, settings, args, port)
    else:
        mp.spawn(work, args=(settings, args, port), nprocs=args.workers)


if __name__ == "__main__":
    main()
