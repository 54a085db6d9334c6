"""How attempts and reflections are sampled, and how they become traces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from sfray.config.marks import ABOVE_ZERO, AT_LEAST_ONE, FRACTION, NOT_NEGATIVE, RATE, SPEED_ONLY, OneOf


@dataclass(frozen=True)
class DecodingConfig:
    """How text is drawn from a model (paper section 3: 0.7, 0.8, 20, 1.1).

    Attributes:
        n: Samples per prompt.
        top_k: 0 for no limit.
    """

    n: Annotated[int, AT_LEAST_ONE] = 1
    temperature: Annotated[float, NOT_NEGATIVE] = 0.7
    top_p: Annotated[float, FRACTION] = 0.8
    top_k: Annotated[int, NOT_NEGATIVE] = 20
    repetition_penalty: Annotated[float, ABOVE_ZERO] = 1.1
    max_tokens: Annotated[int, AT_LEAST_ONE] = 1024


@dataclass(frozen=True)
class SampleConfig(DecodingConfig):
    """Attempts: ``n`` for each variant of each question.

    Attributes:
        variants: Solve variants of the prompts file.
        hinted: Adds a rationalization twin to each variant.
    """

    n: Annotated[int, AT_LEAST_ONE] = 16
    variants: list[str] = field(default_factory=lambda: ["plain", "plan", "alternatives", "restate"])
    hinted: bool = False


@dataclass(frozen=True)
class ReflectConfig(DecodingConfig):
    """Reflections: ``n`` for each attempt.

    Attributes:
        mode: ``lazy``: only those that the traces of the method can use; ``all``: on every usable attempt.
    """

    n: Annotated[int, AT_LEAST_ONE] = 4
    variants: list[str] = field(default_factory=lambda: ["default"])
    mode: Annotated[str, OneOf(("lazy", "all"))] = "lazy"


@dataclass(frozen=True)
class SelectConfig:
    """Correct attempts as training data.

    Attributes:
        per_question: At most so many of a question, a seeded choice; null for all.
        max_tokens: Longest prompt + response; longer ones are rejected.
    """

    per_question: Annotated[int | None, AT_LEAST_ONE] = None
    max_tokens: Annotated[int, AT_LEAST_ONE] = 4096


@dataclass(frozen=True)
class QualityConfig:
    """Floors below which a run stops before training, with advice. 0 switches one off.

    Attributes:
        probe: Share of the attempts, drawn by seed, with a reflection that is asked for whatever the traces need.
            Where reflections are lazy, the figures of verdicts are of these alone.
    """

    min_accuracy: Annotated[float, RATE] = 0.0
    min_valid_rate: Annotated[float, RATE] = 0.0
    min_f1_correct: Annotated[float, RATE] = 0.0
    min_f1_incorrect: Annotated[float, RATE] = 0.0
    min_traceable_questions: Annotated[int, NOT_NEGATIVE] = 1
    probe: Annotated[float, RATE] = 0.125


@dataclass(frozen=True)
class TraceConfig:
    """How pairs become traces.

    Attributes:
        recipe: A recipe of ``sfray.traces.recipes``, or several joined by ``+``.
        l_max: Most correct pairs of a trace (and, for the released recipes, most pairs).
        n_correct: Correct pairs per trace (``fixed_ratio`` only); ``n_incorrect`` the incorrect ones.
        repeats: Times a recipe with fixed lengths runs over each question.
        sampling_response_counts: Draws the attempts of a ``*C``, ``*C*IC`` or ``*CC`` trace from 2 to ``l_max``.
        distinct_variants: No two attempts of a trace from the same prompt variant.
        variants: Attempts of these variants only; null for all.
        reflections_per_attempt: Valid ones that may each make a pair of an attempt (draining recipes); null for all.
        attempts_per_question: Uses at most so many attempts, each with all its reflections, seeded; null for all.
        max_per_question: Keeps at most so many traces per question, seeded.
        subsample_size: Keeps exactly so many traces of the whole set, seeded; null for all.
        max_tokens: Longest trace; one that is longer is drawn again or rejected, never cut.
    """

    recipe: str = "algorithm1"
    l_max: Annotated[int, AT_LEAST_ONE] = 5
    n_correct: Annotated[int, AT_LEAST_ONE] = 1
    n_incorrect: Annotated[int, NOT_NEGATIVE] = 1
    repeats: Annotated[int, AT_LEAST_ONE] = 1
    sampling_response_counts: bool = False
    distinct_variants: bool = False
    variants: list[str] | None = None
    reflections_per_attempt: int | None = None
    attempts_per_question: int | None = None
    max_per_question: Annotated[int | None, AT_LEAST_ONE] = None
    subsample_size: Annotated[int | None, AT_LEAST_ONE] = None
    max_tokens: Annotated[int, AT_LEAST_ONE] = 4096
    builders: Annotated[int, AT_LEAST_ONE, SPEED_ONLY] = 1
