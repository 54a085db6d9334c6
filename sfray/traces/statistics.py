"""What a trace set looks like, and how often its silver is not gold.

Everything is a count, so the statistics of shards add up, in any order and in memory that
does not grow with their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from sfray.grammar import Verdict
from sfray.tasks.outcome import Reason
from sfray.traces.arithmetic import Exact, number, statements
from sfray.traces.drawing import Drawn
from sfray.traces.format import Draft
from sfray.traces.plan import Step

ARITHMETIC_TASKS = ("countdown", "multiplication")
"""Tasks whose texts are recomputed."""

TOKEN_BIN = 64
"""Width of a bin of the length histogram, in tokens."""


@dataclass(slots=True)
class Statistics:
    """Counts over a set of traces; JSON-able, additive.

    Attributes:
        totals: ``questions``, ``questions_with_traces``, ``traces``, ``pairs``, ``tokens``, ``redrawn`` (drawn
            more than once to fit), ``given_up`` (no draw fitted), ``left_out`` (by ``trace.subsample_size``) and
            ``skipped.*``, rows that an earlier stage had marked.
        pairs: Attempts per trace -> traces.
        mix: ``"n+,n-"`` -> traces.
        mix_drawn: The same of the first draw of each trace, before the limit on tokens.
        questions: ``"level n"`` -> questions of that level with so many traces.
        position: ``"k"`` -> traces whose k-th attempt (from 1) is there; ``"k correct"`` -> and correct.
        phrases: Phrase -> uses.
        lengths: First token count of a bin of ``TOKEN_BIN`` -> traces.
        skills: Skill -> traces that show it; ``"skill segments"`` -> its segments in them.
        silver: ``task.what`` -> attempts or reflections, each distinct one of a question once.
    """

    totals: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    mix: Counter[str] = field(default_factory=Counter)
    mix_drawn: Counter[str] = field(default_factory=Counter)
    questions: Counter[str] = field(default_factory=Counter)
    position: Counter[str] = field(default_factory=Counter)
    phrases: Counter[str] = field(default_factory=Counter)
    lengths: Counter[str] = field(default_factory=Counter)
    silver: Counter[str] = field(default_factory=Counter)
    skills: Counter[str] = field(default_factory=Counter)

    def add_question(self, level: str, traces: int) -> None:
        """Counts a question of a level, as :func:`sfray.tasks.task.group` names it, with its number of traces."""
        self.totals["questions_with_traces"] += traces > 0
        self.questions[f"{level} {traces}"] += 1

    def add_drawn(self, drawn: Drawn) -> None:
        """Counts what the limit on tokens did to one trace."""
        self.mix_drawn[_mix(drawn.first.shape)] += 1
        self.totals["redrawn"] += drawn.draws > 1 and drawn.made is not None
        self.totals["given_up"] += drawn.made is None

    def add_trace(self, draft: Draft, tokens: int) -> None:
        """Counts one finished trace."""
        shape = draft.plan.shape
        self.totals.update(traces=1, pairs=len(shape), tokens=tokens)
        self.pairs[str(len(shape))] += 1
        self.mix[_mix(shape)] += 1
        for place, letter in enumerate(shape, start=1):
            self.position[str(place)] += 1
            self.position[f"{place} correct"] += letter == "C"
        self.phrases.update(draft.phrases)
        for skill, segments in draft.skills.items():
            self.skills.update({skill: 1, f"{skill} segments": segments})
        self.lengths[str(tokens // TOKEN_BIN * TOKEN_BIN)] += 1

    def add_silver(self, task: str, target: Exact | None, steps: Mapping[str, Step]) -> None:
        """Recomputes the arithmetic of the distinct attempts and reflections of a question's traces.

        Args:
            task: The question's task.
            target: The value a right answer has, where the task has one.
            steps: Reflection id (attempt id without one) -> step.
        """
        attempts = {s.attempt.id: s.attempt for s in steps.values()}
        for attempt in attempts.values():
            self._count(f"{task}.attempt_{'correct' if attempt.correct else 'incorrect'}", attempt.text)
        for step in steps.values():
            if step.reflection is None:
                continue
            found = self._count(f"{task}.reflection", step.reflection.text)
            if found is not None and contradicts(step, found, target):
                self.silver[f"{task}.reflection.contradiction"] += 1

    def _count(self, what: str, text: str) -> Exact | None:
        """Counts one text; returns the last value it computes."""
        found = statements(text)
        self.silver[f"{what}.texts"] += 1
        self.silver[f"{what}.with_arithmetic"] += bool(found)
        self.silver[f"{what}.wrong_arithmetic"] += any(not s.holds for s in found)
        return found[-1].claimed if found else None

    def merge(self, other: Mapping[str, Mapping[str, int]]) -> None:
        """Adds the counts of another set."""
        for f in fields(self):
            getattr(self, f.name).update(other.get(f.name, {}))

    def as_dict(self) -> dict[str, dict[str, int]]:
        """Plain counts, in a stable order."""
        return {f.name: dict(sorted(getattr(self, f.name).items())) for f in fields(self)}

    def summary(self) -> dict[str, Any]:
        """What goes into the manifest, the report and ``statistics.json``: counts and rates."""
        totals = self.totals
        traces = totals["traces"]
        places = sorted(int(k) for k in self.position if k.isdigit())
        skipped = {k.removeprefix("skipped."): v for k, v in sorted(totals.items()) if k.startswith("skipped.")}
        return {
            "traces": traces,
            "questions_with_traces": totals["questions_with_traces"],
            "redrawn": totals["redrawn"],
            "given_up": totals["given_up"],
            "left_out": totals["left_out"],
            "skipped": skipped,
            "questions": _by_level(self.questions),
            "attempts_per_trace": {"mean": _rate(totals["pairs"], traces), "histogram": _by_number(self.pairs)},
            "mix": _by_pair(self.mix),
            "mix_drawn": _by_pair(self.mix_drawn),
            "with_incorrect": {"drawn": _with_incorrect(self.mix_drawn), "kept": _with_incorrect(self.mix)},
            "correct_by_position": {
                str(k): _rate(self.position[f"{k} correct"], self.position[str(k)]) for k in places
            },
            "skills": {
                skill: {"traces": self.skills[skill], "segments": self.skills[f"{skill} segments"]}
                for skill in sorted(self.skills)
                if not skill.endswith(" segments")
            },
            "phrases": dict(self.phrases.most_common()),
            "tokens": {
                "total": totals["tokens"],
                "mean": _rate(totals["tokens"], traces),
                "bin": TOKEN_BIN,
                "histogram": _by_number(self.lengths),
            },
            "silver": _silver_rates(self.silver),
        }


def contradicts(step: Step, value: Exact, target: Exact | None) -> bool:
    """Whether a reflection's own last result says otherwise than its verdict.

    Args:
        step: The attempt and its reflection.
        value: The last value that the reflection computes.
        target: What a right answer comes to (Countdown); None where the reflection
            recomputes the attempt's own answer (Multiplication).

    A verdict against an attempt that reaches the target contradicts nothing when the answer
    breaks another rule (numbers that were not given).
    """
    if step.reflection is None or step.reflection.verdict is None:
        return False
    expected = target if target is not None else _answer_value(step)
    if expected is None:
        return False
    if step.reflection.verdict == Verdict.CORRECT:
        return value != expected
    return value == expected and step.attempt.reason == Reason.WRONG_VALUE


def _answer_value(step: Step) -> Exact | None:
    try:
        return number((step.attempt.answer or "").strip().rstrip("."))
    except ValueError:
        return None


def _silver_rates(silver: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Counts and rates by ``task.what``: wrong arithmetic and contradictions, of the texts that compute."""
    rates: dict[str, dict[str, Any]] = {}
    for key in sorted(silver):
        what, _, measure = key.rpartition(".")
        rates.setdefault(what, {})[measure] = silver[key]
    for entry in rates.values():
        base = entry.get("with_arithmetic", 0)
        entry["wrong_arithmetic_rate"] = _rate(entry.get("wrong_arithmetic", 0), base)
        if "contradiction" in entry:
            entry["contradiction_rate"] = _rate(entry["contradiction"], base)
    return rates


def _mix(shape: str) -> str:
    return f"{shape.count('C')},{shape.count('I')}"


def _by_pair(mix: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(mix.items(), key=lambda kv: [int(n) for n in kv[0].split(",")]))


def _with_incorrect(mix: Mapping[str, int]) -> float | None:
    """Share of the traces with an incorrect attempt."""
    return _rate(sum(n for key, n in mix.items() if not key.endswith(",0")), sum(mix.values()))


def _by_level(questions: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """By level: questions, those with a trace, traces, and how the traces are shared out among the questions."""
    histograms: dict[str, dict[int, int]] = {}
    for key, count in questions.items():
        level, _, traces = key.rpartition(" ")
        histograms.setdefault(level, {})[int(traces)] = count
    return {level: _level(dict(sorted(histograms[level].items()))) for level in sorted(histograms)}


def _level(histogram: Mapping[int, int]) -> dict[str, Any]:
    count = sum(histogram.values())
    traces = sum(n * questions for n, questions in histogram.items())
    return {
        "questions": count,
        "with_traces": count - histogram.get(0, 0),
        "traces": traces,
        "per_question": {"mean": _rate(traces, count), "max": max(histogram)},
        "histogram": {str(n): questions for n, questions in histogram.items()},
    }


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _by_number(counts: Mapping[str, int]) -> dict[str, int]:
    return {k: counts[k] for k in sorted(counts, key=int)}
