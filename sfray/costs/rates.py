"""How fast some hardware works: seconds of an engine, a worker or a rank for each unit of work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rates:
    """Seconds that work takes. A linear model: it follows what limits each engine.

    Attributes:
        engine_start: Until the first actor of a pool answers: Ray, imports, the model's loading, the first compilation.
        prefill: For a prompt token of one engine.
        decode: For a generated token of one engine, beside attention.
        decode_context: More of it for each token of context before.
        decode_step: For each step of a whole batch: what a step costs however few sequences are in it.
        sft_start: Until the first optimizer step, and from the last one to the saved model.
        sft: For a trained token of one worker.
        sft_length: More of it for each token of the sequence.
        grpo_start: Until verl's first step, and from the last one to the exported model.
        grpo_first: More for the first step, which warms up.
        grpo_step: For each step, beside its tokens.
        grpo: For a prompt or generated token of one rank, rollout and update together.
        validation: For a generated token of a validation, of one rank.
        engine_next: Until it answers with another model, in a pool that has started; None where that was not measured.
    """

    engine_start: float
    prefill: float
    decode: float
    decode_context: float
    decode_step: float
    sft_start: float
    sft: float
    sft_length: float
    grpo_start: float
    grpo_first: float
    grpo_step: float
    grpo: float
    validation: float
    engine_next: float | None = None

    def decode_speed(self, context: float, batch: float) -> float:
        """Generated tokens per second of one engine.

        Args:
            context: Mean tokens before a generated one.
            batch: Sequences in a step.
        """
        return 1 / (self.decode + self.decode_context * context + self.decode_step / batch)

    def prefill_speed(self) -> float | None:
        """Prompt tokens per second of one engine; None where they cost nothing measurable."""
        return 1 / self.prefill if self.prefill else None

    def sft_speed(self, length: float) -> float:
        """Trained tokens per second of one worker, in sequences of ``length`` tokens."""
        return 1 / (self.sft + self.sft_length * length)

    def grpo_step_seconds(self, tokens: float, ranks: int) -> float:
        """Seconds of a step of so many tokens, prompts included, over all ranks."""
        return self.grpo_step + self.grpo * tokens / ranks


@dataclass(frozen=True)
class Lengths:
    """What a model is expected to write, in tokens, and what of it can be used.

    Attributes:
        prompt: Of a prompt with a question.
        attempt: Of an attempt of the base model, or of one trained on single attempts.
        reflection: Of a reflection or another segment of a skill.
        traced: Of an answer of a model trained on traces, as a share of the limit.
        longest: Most tokens that such an answer is expected to have, whatever the limit.
        rollout: The same for a rollout of GRPO.
        after_grpo: The same after GRPO.
        accuracy: Share of a base model's attempts that are right.
        accuracy_trained: The same of a model trained on right attempts.
        traces: Traces for each pair of a right attempt and a valid reflection.
        trace: Tokens of a trace, prompt included.
    """

    prompt: int
    attempt: int
    reflection: int
    traced: float
    longest: int
    rollout: float
    after_grpo: float
    accuracy: float
    accuracy_trained: float
    traces: float
    trace: int
