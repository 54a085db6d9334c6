"""The rows that flow from stage to stage; ``sfray.io.arrow`` makes tables of them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, as a task states it.

    Attributes:
        id: Stable name ``task-level:split:number``, for example ``countdown-3:eval:000007``.
        task: Name of the task that verifies answers to it.
        level: Difficulty within the task (``"3"``), or ``"-"``.
        split: ``sft``, ``rl`` or ``eval``.
        text: The question's own words, before any prompt variant.
        gold: What the verifier needs, as JSON (``{"numbers": [3, 5], "target": 15}``).
        answer: One right answer (the hint of rationalization); None where none is known.
        complete: Whether ``text`` is a whole user turn already, with instructions of its own.
    """

    id: str
    task: str
    level: str
    split: str
    text: str
    gold: str
    answer: str | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sampled solution and its judgement. ``id`` is ``question/variant/sample``."""

    id: str
    question_id: str
    variant: str
    sample: int
    hinted: bool
    text: str
    tokens: int
    finish: str
    correct: bool
    reason: str
    answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflection:
    """One sampled reflection on an attempt. ``id`` is ``attempt/r<sample>``.

    Attributes:
        verdict: ``Correct`` or ``Incorrect``; None when it has none that counts.
        valid: Whether the verdict agrees with the verifier: only these enter traces.
    """

    id: str
    attempt_id: str
    question_id: str
    sample: int
    text: str
    tokens: int
    finish: str
    verdict: str | None
    valid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillSegment:
    """One sampled segment of a skill, fit to be shown. ``id`` is ``subject/tag<sample>``.

    Attributes:
        skill: The skill, by its name in configs.
        attempt_id: The attempt it speaks of; None where it speaks of the question.
        variant: Wording that the model was asked with.
        text: The segment as a trace shows it, without its tags.
        tokens: Length of the response that it was read from.
    """

    id: str
    skill: str
    question_id: str
    attempt_id: str | None
    variant: str
    sample: int
    text: str
    tokens: int
    finish: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One silver trace: a user turn, an assistant turn, and where they come from.

    Attributes:
        id: ``question#recipe.number``.
        prompt: The user turn (plain solve variant of the question).
        text: The assistant turn, in the grammar of :mod:`sfray.grammar`.
        reflections: Ids of the reflections used, in order (empty strings without any).
        tokens: Length of prompt and text by the model's tokenizer, template included.
        correct: Whether ``answer`` is right. Files without the column were written before it
            and read as right, which every recipe but ``no_order`` and ``random`` sees to.
        skills: The skills that the text shows, reflection among them, each once. Empty in
            files without the column, which were written before it.
        segments: Ids of the sampled segments of other skills, in the order of the text.
    """

    id: str
    question_id: str
    recipe: str
    prompt: str
    text: str
    answer: str
    attempts: list[str]
    reflections: list[str]
    n_correct: int
    n_incorrect: int
    tokens: int
    correct: bool = True
    skills: list[str] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One evaluated response. ``id`` is ``question/sample``.

    Attributes:
        text: Of the response; under budget forcing, of the forced one.
        resumed: Under budget forcing, why the response was taken up again, each time, in order.
        plain_tokens: Its length before it was forced; None without forcing. ``plain_answer`` and
            ``plain_correct`` are what it answered by then.
    """

    id: str
    question_id: str
    task: str
    level: str
    sample: int
    text: str
    tokens: int
    finish: str
    correct: bool
    reason: str
    answer: str | None
    resumed: list[str] = field(default_factory=list)
    plain_tokens: int | None = None
    plain_answer: str | None = None
    plain_correct: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Something that could not be used. Nothing is dropped without one of these.

    Attributes:
        id: Id of the row it would have been, or of its source.
        reason: A member of an enum: of the stage's own reasons, or ``sfray.tasks.outcome.Reason``.
        detail: The offending text or the error, shortened.
    """

    id: str
    reason: str
    detail: str = ""
