"""What judging costs: worst case over hostile texts, and the typical answer.

    python -m benchmarks.verifier [--repeats 5]

Times are the best of ``repeats`` runs of one call, as ``timeit`` advises: what is above is
the machine's, not the verifier's. Texts of one megabyte are timed apart, as
reading them once takes most of the time. Mathematics runs in a bounded worker.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.hostile import GOLD, LEGAL, answered, responses
from benchmarks.result import result as of
from sfray.tasks.mathematics import judge
from sfray.tasks.registry import verify

GOLDS = {
    "countdown": GOLD,
    "letter_countdown": json.dumps({"letters": "tsarex", "min_length": 4}),
    "acronym": json.dumps({"words": ["some", "trees", "are", "red"], "min_length": 4}),
    "multiplication": json.dumps({"factors": [12, 34]}),
    "commonsense_qa": json.dumps({"letter": "B", "options": ["a bank", "a library", "a mall"]}),
    "gsm8k": json.dumps({"number": "64"}),
}
LARGE = 50_000
"""Characters from which a text counts as large."""

FORMULAS = {
    "equal_text": (r"\frac{1}{2}", r"\frac{1}{2}"),
    "plain_number": ("42", "42.0"),
    "equal_formula": (r"\frac{\sqrt{3}}{2}", r"\sqrt{3}/2"),
    "different_formula": ("x^2 + 1", "x^2 - 1"),
    "tower": ("2", "9^{9^{9^{9}}}"),
    "double_factorial": ("2", "((10!)!)!"),
    "deep_fraction": ("2", r"\frac{" * 70 + "}" * 70),
    "prose": ("42", "the answer is 42"),
}

HOSTILE_FORMULAS = (
    *(opened * n + "2" + closed * n for n in (4, 6, 16) for opened, closed in ("{}", "()", "[]")),
    *(r"\sin(" * n + "2" + ")" * n for n in (2, 4, 8)),
    *("x^{" * n + "2" + "}" * n for n in (2, 3, 10)),
    *(r"\frac{1}{" * n + "2" + "}" * n for n in (3, 6, 12)),
    *("|x+" * n + "2" + "|" * n for n in (2, 4, 8)),
    *("+".join(["x"] * n) for n in (10, 50, 200)),
    *("".join(f"(x+{i})" for i in range(n)) for n in (5, 20, 60)),
    *(r"\cup ".join(f"[{i},{i + 1})" for i in range(n)) for n in (3, 10, 30)),
    *("x" + "/x" * n for n in (2, 13, 60)),
    *("+".join(rf"\sin({i}x)" for i in range(1, n + 1)) for n in (2, 8, 25)),
    *(r"\log_{2}(" * n + "x" + ")" * n for n in (1, 2, 6)),
    *("+".join(f"{i}x^{i}" for i in range(1, n + 1)) for n in (4, 12, 40)),
    *(",".join(map(str, range(n))) for n in (3, 12, 99)),
    "9^{9^{9^{9}}}",
    "9^{9^9}",
    "2^{1000000}",
    "99999!",
    "((10!)!)!",
    r"\binom{1000000}{500000}",
    "(x+y+z+w)^{40}",
    r"\sin(10^{50})",
)
"""Formulas that cost a parser or an algebra system much, of up to 500 characters."""

HOSTILE_GOLDS = (
    r"\frac{\sqrt{3}}{2}",
    "x^2 + 3x + 1",
    r"(-\infty,-1)\cup(1,2)",
    "(1,2,3)",
    r"\sin(x) + \log_2(x)",
)
"""Golds of the kinds that the library compares."""

CONCURRENT = 64


def concurrently(count: int = CONCURRENT) -> dict[str, float]:
    """Wall time of hostile answers that as many threads hand in at once, in milliseconds each and in all.

    No two are alike, and none was seen before: what was compared once is remembered.
    """
    judge({"answer": "x+1"}, "x+2")  # starts the worker
    pairs = [(gold, formula.replace("2", "7")) for formula in HOSTILE_FORMULAS for gold in HOSTILE_GOLDS]
    pairs = random.Random(0).sample(sorted(set(pairs)), count)
    with ThreadPoolExecutor(count) as threads:
        start = time.perf_counter()
        times = sorted(threads.map(lambda pair: _waited(*pair), pairs))
        total = time.perf_counter() - start
    return {
        "answers": count,
        "median_ms": round(times[count // 2], 1),
        "worst_ms": round(times[-1], 1),
        "answers_per_s": round(count / total, 1),
    }


def one_by_one() -> dict[str, Any]:
    """Wall time of each hostile answer by itself, in milliseconds."""
    judge({"answer": "x+1"}, "x+2")
    timed = sorted((_waited(gold, formula), formula) for gold in HOSTILE_GOLDS for formula in HOSTILE_FORMULAS)
    return {
        "answers": len(timed),
        "median_ms": round(timed[len(timed) // 2][0], 1),
        "worst_ms": round(timed[-1][0], 1),
        "worst": timed[-1][1],
    }


def _waited(gold: str, answer: str) -> float:
    start = time.perf_counter()
    judge({"answer": gold}, answer)
    return 1e3 * (time.perf_counter() - start)


def best(call: Callable[[], object], repeats: int) -> float:
    """Best wall time of a call, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def timed(task: str, gold: str, texts: Mapping[str, str], repeats: int) -> dict[str, float]:
    """Best time of each text in milliseconds."""
    return {n: 1e3 * best(lambda t=t: verify(task, gold, t), repeats) for n, t in texts.items()}  # type: ignore[misc]


def run(repeats: int = 5) -> dict[str, Any]:
    """Measures every family; times in milliseconds."""
    texts = responses()
    small = {n: t for n, t in texts.items() if len(t) < LARGE}
    large = {n: t for n, t in texts.items() if len(t) >= LARGE}
    families = {}
    for task, gold in GOLDS.items():
        verify(task, gold, answered("warm"))  # loads the word list
        ordinary = timed(task, gold, {n: t for n, t in LEGAL.items() if len(t) < LARGE}, repeats)
        hostile, huge = timed(task, gold, small, repeats), timed(task, gold, large, repeats)
        families[task] = {
            "typical_ms": round(sorted(ordinary.values())[len(ordinary) // 2], 4),
            "worst_ms": round(max(hostile.values()), 4),
            "worst": max(hostile, key=hostile.__getitem__),
            "worst_1mb_ms": round(max(huge.values()), 4),
            "worst_1mb": max(huge, key=huge.__getitem__),
        }
    accepted = [name for name, text in texts.items() if verify("countdown", GOLD, text).correct]
    refused = [name for name, text in LEGAL.items() if not verify("countdown", GOLD, text).correct]
    return {
        "families": families,
        "hostile_texts": len(texts),
        "hostile_accepted": accepted,
        "legal_texts": len(LEGAL),
        "legal_refused": refused,
        "mathematics": {name: _formula(gold, answer) for name, (gold, answer) in FORMULAS.items()},
        "mathematics_hostile": {"one_by_one": one_by_one(), "concurrent": concurrently()},
    }


def _formula(gold: str, answer: str) -> dict[str, Any]:
    start = time.perf_counter()
    outcome = judge({"answer": gold}, answer)
    return {"reason": outcome.reason.value, "ms": round(1e3 * (time.perf_counter() - start), 3)}


def main() -> None:
    """Prints the table and the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--repeats", type=int, default=5)
    result = run(parser.parse_args().repeats)
    print(f"{'family':<18}{'typical ms':>11}{'worst ms':>10}  {'(text)':<28}{'worst 1 MB ms':>14}  (text)")
    for task, row in result["families"].items():
        print(
            f"{task:<18}{row['typical_ms']:>11.4f}{row['worst_ms']:>10.4f}  {row['worst']:<28}"
            f"{row['worst_1mb_ms']:>14.4f}  {row['worst_1mb']}"
        )
    print(f"hostile texts accepted: {len(result['hostile_accepted'])} of {result['hostile_texts']}")
    print(f"legal forms refused: {len(result['legal_refused'])} of {result['legal_texts']}")
    for name, row in result["mathematics"].items():
        print(f"mathematics {name:<20}{row['reason']:<14}{row['ms']:>12.3f} ms")
    for name, row in result["mathematics_hostile"].items():
        print(f"mathematics hostile {name}: {row}")
    print(json.dumps(of("verifier", result), indent=2))


if __name__ == "__main__":
    main()
