"""One vLLM engine in one Ray actor, and the requests it answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfray.config import DecodingConfig, EngineConfig, ModelConfig
from sfray.models import control_token, load_tokenizer, prompt_ids
from sfray.prompts import Message
from sfray.rejects import RejectReason
from sfray.sampling.feed import Feed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CPU_ENVIRONMENT = {
    # Engine, scheduler and worker share the actor's process: one process per actor.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # vLLM would bind every actor's threads to the same cores.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
LONGEST_PATTERN = 64
"""Most tokens of a pattern whose repetition counts as a loop."""

REPEATS = 4
"""How often in a row a pattern must end a text to count as a loop."""

MAX_SEED_BITS = 48
"""vLLM adds the sample's index to a request's seed; this leaves it room in 64 bits."""


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt to be continued.

    Attributes:
        id: Stable id, from which ``seed`` was derived.
        messages: The conversation; the model writes the next assistant turn.
        seed: Of the first sample; sample ``k`` uses ``seed + k``.
        n: How many samples; None for ``decoding.n``.
    """

    id: str
    messages: tuple[Message, ...]
    seed: int
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Sampled:
    """One continuation. ``finish`` is ``stop``, or ``length`` when it was cut.

    Attributes:
        ids: Its token ids, with the one that ended it.
        plain: What it was before it was forced to go on.
        resumed: Why it was, each time.
    """

    text: str
    tokens: int
    finish: str
    ids: tuple[int, ...] = ()
    plain: Sampled | None = None
    resumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """A prompt that is not put to the model, and why."""

    reason: RejectReason
    detail: str


class NoAccelerator(RuntimeError):
    """The node has no usable GPU. vLLM's build for CPUs would work on without one, with settings made for a GPU."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"engine.device = cuda, but {socket.gethostname()} has no GPU that vLLM can use (it found: "
            f"{found or 'nothing'}). Look at `nvidia-smi` and `sfray doctor` there, or choose engine=cpu"
        )


class Engine:
    """``vllm.LLM`` behind requests. Import and construction take seconds: one per actor and model.

    Its methods may be called from several threads at once: their requests share the engine's batch.

    Attributes:
        feed: What the engine is fed by.
        start: When its process began with the imports, was done with them, and had loaded the model.
    """

    def __init__(
        self, model: Path, config: ModelConfig, engine: EngineConfig, on_step: Callable[[int], None] | None = None
    ) -> None:
        """Loads the model; the environment of :func:`environment` must be set by then.

        Args:
            model: Its folder.
            config: Its settings.
            engine: The engine's.
            on_step: Is told after each step of the engine how many requests are unfinished; it must be quick.

        Raises:
            NoAccelerator: A GPU is asked for, and there is none.
        """
        began = time.time()
        from vllm import LLM
        from vllm.platforms import current_platform

        if engine.device == "cuda" and not current_platform.is_cuda_alike():
            raise NoAccelerator(str(current_platform.device_name))
        imported = time.time()
        self.context = config.context
        arguments = engine_arguments(config, engine)
        self.feed = Feed(lambda: LLM(model=str(model), **arguments), arguments["max_num_seqs"], on_step)
        self.tokenizer = load_tokenizer(model, config.trust_remote_code)
        self.start = (began, imported, time.time())

    def sample(self, requests: Sequence[Request], decoding: DecodingConfig) -> list[list[Sampled] | Refused]:
        """Continues every prompt.

        Returns:
            For each request its samples; or why its prompt is refused: it fills the context, or
            holds a control token. One such prompt must not take its neighbours down.
        """
        from vllm import TokensPrompt

        prompts = [self._tokens(r) for r in requests]
        refused = [refusal(self.tokenizer, r, len(p), self.context) for r, p in zip(requests, prompts, strict=True)]
        rooms = [
            0 if refusal else room(len(p), decoding, self.context) for p, refusal in zip(prompts, refused, strict=True)
        ]
        outputs = iter(
            self.feed.generate(
                [TokensPrompt(prompt_token_ids=p) for p, left in zip(prompts, rooms, strict=True) if left],
                [sampling_params(decoding, r, left) for r, left in zip(requests, rooms, strict=True) if left],
            )
        )
        return [refusal or [_sampled(s) for s in next(outputs).outputs] for refusal in refused]

    def go_on(self, starts: Sequence[tuple[Request, Sequence[int]]], decoding: DecodingConfig) -> list[Sampled]:
        """Continues responses from their first tokens.

        Args:
            starts: A request of one sample and the token ids that its response starts with.
            decoding: Its ``max_tokens`` counts those tokens in.

        Returns:
            Each response from its beginning; the given ids are its first ones, unchanged.
        """
        from vllm import TokensPrompt

        prompts = [(self._tokens(request), list(ids)) for request, ids in starts]
        rooms = [room(len(prompt), decoding, self.context) - len(ids) for prompt, ids in prompts]
        params = [
            sampling_params(decoding, r, max(left, 1), break_loops=True)
            for (r, _), left in zip(starts, rooms, strict=True)
        ]
        outputs = self.feed.generate([TokensPrompt(prompt_token_ids=prompt + ids) for prompt, ids in prompts], params)
        return [
            self._joined(ids, _sampled(output.outputs[0])) for (_, ids), output in zip(prompts, outputs, strict=True)
        ]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids, without special tokens."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens."""
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def close(self) -> None:
        """Frees its memory; no call may be under way, and none may follow."""
        self.feed.close()

    def _joined(self, ids: Sequence[int], new: Sampled) -> Sampled:
        whole = (*ids, *new.ids)
        return Sampled(self.decode(whole), len(whole), new.finish, whole)

    def _tokens(self, request: Request) -> list[int]:
        return prompt_ids(self.tokenizer, request.messages)


def _sampled(output: Any) -> Sampled:
    """A continuation as vLLM returns it."""
    return Sampled(output.text, len(output.token_ids), output.finish_reason or "", tuple(output.token_ids))


def engine_arguments(model: ModelConfig, engine: EngineConfig) -> dict[str, Any]:
    """Keyword arguments of ``vllm.LLM``, the model's path aside."""
    arguments: dict[str, Any] = {
        "dtype": model.dtype,
        "max_model_len": model.context,
        "max_num_seqs": engine.max_num_seqs,
        "enforce_eager": engine.enforce_eager,
        "trust_remote_code": model.trust_remote_code,
        "disable_log_stats": True,
        "seed": 0,
    }
    if engine.max_num_batched_tokens is not None:
        arguments["max_num_batched_tokens"] = engine.max_num_batched_tokens
    if engine.device == "cpu":
        # Without an explicit size every actor would claim a share of all memory.
        arguments["kv_cache_memory_bytes"] = int(engine.kv_cache_gib * 2**30)
        arguments["distributed_executor_backend"] = "uni"
        # A prompt split over two steps makes vLLM rewind the request's generator, which torch
        # cannot do on CPU ("CPU Generator does not use offset"): prompts are prefilled whole.
        arguments["enable_chunked_prefill"] = False
        arguments.setdefault("max_num_batched_tokens", max(model.context, 4096))
    else:
        arguments["gpu_memory_utilization"] = engine.gpu_memory_utilization
        if engine.deterministic:  # a cached prefix was computed in another batch
            arguments["enable_prefix_caching"] = False
        arguments["tensor_parallel_size"] = engine.tensor_parallel
        arguments["distributed_executor_backend"] = "uni" if engine.tensor_parallel == 1 else "mp"
    return arguments | engine.extra


def refusal(tokenizer: PreTrainedTokenizerBase, request: Request, prompt: int, context: int) -> Refused | None:
    """Why a request cannot be put to the model, or None.

    Args:
        tokenizer: The model's.
        request: The request.
        prompt: Tokens of its prompt.
        context: Tokens of prompt and response together.
    """
    for message in request.messages:
        if token := control_token(tokenizer, message["content"]):
            return Refused(RejectReason.CONTROL_TOKEN, f"{token} in the {message['role']} turn")
    if prompt < context:
        return None
    return Refused(RejectReason.PROMPT_TOO_LONG, f"{prompt} tokens, model.context = {context}")


def room(prompt: int, decoding: DecodingConfig, context: int) -> int:
    """Tokens a response may have: ``decoding.max_tokens``, or what a prompt of that length leaves of the context."""
    return max(0, min(decoding.max_tokens, context - prompt))


def sampling_params(decoding: DecodingConfig, request: Request, max_tokens: int, break_loops: bool = False) -> Any:
    """``vllm.SamplingParams`` of one request.

    Args:
        decoding: How to sample.
        request: The request.
        max_tokens: Most new tokens.
        break_loops: Ends a response that repeats itself; its ``finish`` is ``repetition`` then.
    """
    from vllm import SamplingParams
    from vllm.sampling_params import RepetitionDetectionParams

    return SamplingParams(
        n=decoding.n if request.n is None else request.n,
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        top_k=decoding.top_k,
        repetition_penalty=decoding.repetition_penalty,
        max_tokens=max_tokens,
        seed=request.seed,
        repetition_detection=RepetitionDetectionParams(max_pattern_size=LONGEST_PATTERN, min_count=REPEATS)
        if break_loops
        else None,
    )


def environment(engine: EngineConfig) -> dict[str, str]:
    """Environment of the actor's process; it must precede the import of vLLM and torch."""
    variables = {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "ERROR",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if engine.device == "cpu":
        variables |= CPU_ENVIRONMENT | {"OMP_NUM_THREADS": str(engine.threads)}
    elif engine.deterministic:
        variables["VLLM_BATCH_INVARIANT"] = "1"
    return variables
