"""Plain sampling from a model folder, without an engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from rich.progress import track
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from sfray.prompts import Message
from sfray.seeds import derive

SLOTS = 50_000
"""Most tokens, of prompts and answers together, that one batch may hold."""

MAX_BATCH = 128


class Sampler:
    """Samples answers from a model, seeded per call.

    Args:
        folder: Hugging Face folder.
        temperature: Temperature of the sampling, which takes every token into account (no top-p, no top-k).
        seed: Seed; that of a call is derived from it and the call's name.
        max_tokens: Tokens after which an answer is cut.
    """

    def __init__(self, folder: Path, temperature: float, seed: int, max_tokens: int = 200) -> None:
        self.words: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.temperature, self.seed, self.max_tokens = temperature, seed, max_tokens

    def ask(self, chats: Sequence[list[Message]], name: str) -> list[str]:
        """Answers every chat once; special tokens are left out, an unfinished answer stays so."""
        prompts = [self.words.apply_chat_template(c, tokenize=False, add_generation_prompt=True) for c in chats]
        encoded = [self.words(prompt).input_ids for prompt in prompts]
        answers = [""] * len(prompts)
        torch.manual_seed(derive("tiny", "measure", self.seed, name))
        for chosen in track(batches([len(ids) for ids in encoded], self.max_tokens), description=name):
            for i, text in zip(chosen, self._generate([encoded[i] for i in chosen]), strict=True):
                answers[i] = text
        return answers

    def _generate(self, prompts: list[list[int]]) -> list[str]:
        """Answers one batch of encoded prompts."""
        inputs = self.words.pad({"input_ids": prompts}, return_tensors="pt")
        with torch.inference_mode():
            output = self.model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                do_sample=True,
                temperature=self.temperature,
                top_k=0,
                max_new_tokens=self.max_tokens,
            )
        return self.words.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def batches(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Groups prompts of about the same length, as many as :data:`SLOTS` allow, by their indices."""
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        room = max(1, min(MAX_BATCH, SLOTS // (lengths[index] + max_tokens)))
        if not groups or len(groups[-1]) >= room:
            groups.append([])
        groups[-1].append(index)
    return groups
