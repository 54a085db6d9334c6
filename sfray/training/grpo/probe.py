"""Before training: a right and a wrong answer through the real template and the real reward.

A chat template, a special token that decoding drops, or a parser that fails can make
every reward 0 without any error. So three synthetic responses take the way of a rollout:
the prompt through the chat template, the response as tokens after it, decoded as verl
decodes it, judged by the reward.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfray.grammar import Pair, render
from sfray.training.grpo.reward import compute_score

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from transformers import PreTrainedTokenizerBase

WRONG = "not an answer"


class RewardBroken(RuntimeError):
    """The reward does not tell a right answer from a wrong one."""


@dataclass(frozen=True)
class Probe:
    """One synthetic rollout.

    Attributes:
        name: What it tries.
        text: The response.
        score: The reward it must get.
    """

    name: str
    text: str
    score: float


def probes(answer: str) -> Iterator[Probe]:
    """The responses, in the shape of a trace."""
    attempt = f"Let me see.\n<answer>{answer}</answer>"
    pair = Pair(attempt, "It holds. <verdict>Correct</verdict>")
    right = render([pair], [], "The answer is:", answer)
    yield Probe("a right answer after the thinking", right, 1.0)
    yield Probe("a right answer alone", attempt, 1.0)
    yield Probe("a wrong answer after right thinking", render([pair], [], "The answer is:", WRONG), 0.0)
    yield Probe("thinking that never ends", right.partition("</think>")[0], 0.0)


def rollout_ids(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[dict[str, str]], text: str
) -> tuple[list[int], list[int]]:
    """Prompt and response ids as a rollout has them.

    A template that opens the thinking itself leaves the tag out of the response.
    """
    prompt = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    response = text.removeprefix("<think>") if str(prompt).rstrip().endswith("<think>") else text
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    return list(ids), [*tokenizer(response, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]


def probe_tokenizer(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[dict[str, str]], task: str, gold: str, answer: str
) -> None:
    """Probes template, decoding and verifier without verl.

    Raises:
        RewardBroken: A probe did not get its score.
    """
    for probe in probes(answer):
        _, response = rollout_ids(tokenizer, messages, probe.text)
        text = str(tokenizer.decode(response, skip_special_tokens=True))
        _insist(probe, compute_score(task, text, gold), text)


def probe_verl(config: DictConfig) -> None:
    """Probes verl's own tokenizer and reward manager with the first training row that has an answer.

    Raises:
        RewardBroken: A probe did not get its score.
    """
    import pyarrow.parquet as pq
    import torch
    from tensordict import TensorDict
    from verl import DataProto
    from verl.trainer.ppo.reward import load_reward_manager
    from verl.utils import hf_tokenizer

    row = first_answered(pq.read_table(Path(config.data.train_files)).to_pylist())
    if row is None:
        return
    tokenizer = hf_tokenizer(config.actor_rollout_ref.model.path, trust_remote_code=config.data.trust_remote_code)

    async def judge() -> None:
        """Puts each probe through verl's reward manager."""
        import numpy as np

        manager = load_reward_manager(config, tokenizer)
        for probe in probes(row["extra_info"]["answer"]):
            prompt, response = rollout_ids(tokenizer, row["prompt"], probe.text)
            tensors = {
                "responses": torch.tensor([response]),
                "attention_mask": torch.ones(1, len(prompt) + len(response), dtype=torch.long),
            }
            columns = {
                "data_source": np.array([row["data_source"]], dtype=object),
                "reward_model": np.array([row["reward_model"]], dtype=object),
                "extra_info": np.array([dict(row["extra_info"])], dtype=object),
            }
            data = DataProto(batch=TensorDict(tensors, batch_size=1), non_tensor_batch=columns)
            result = await manager.run_single(data)
            _insist(probe, {"score": result["reward_score"], **result["reward_extra_info"]}, probe.text)

    asyncio.run(judge())
    print("reward probe passed: right answers score 1, wrong ones 0", flush=True)


def first_answered(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The first row of verl's data whose question has a known answer."""
    return next((row for row in rows if row["extra_info"]["answer"] is not None), None)


def _insist(probe: Probe, result: dict[str, Any], text: str) -> None:
    if result["score"] != probe.score:
        raise RewardBroken(
            f"{probe.name} was rewarded {result['score']:g} ({result.get('reason')}) instead of {probe.score:g}; "
            f"after the chat template and decoding its text was {text[:400]!r}"
        )
