"""The analysis of ``experiment=headline``, fixed before its seeds were run.

    sfray run -m experiment=headline run.seed=1,2,3
    python -m benchmarks.headline runs/headline-seed* --out docs/headline

Writes ``results.json`` (the endpoints and every table behind them) and the budget curves. The protocol is in
``conf/experiment/headline.yaml``; ``docs/headline.md`` explains the result.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfray.evaluation.comparison import Resampling, interval
from sfray.evaluation.findings import OVERALL, findings
from sfray.evaluation.outcomes import Outcomes, outcomes
from sfray.evaluation.passk import Ballot
from sfray.evaluation.skills import read
from sfray.evaluation.study import Study
from sfray.io.files import write_json
from sfray.models import load_tokenizer, resolve, token_ids
from sfray.report import curves

OURS, THEIRS = "skillfactory", "rl_only"
ARMS = ("base", THEIRS, "star", "sft", OURS)
TRAINED, UNTRAINED = ("countdown-3", "countdown-4"), ("countdown-5", "countdown-6")
CONFIDENCE = 0.95


def analysis(runs: Sequence[Outcomes]) -> dict[str, Any]:
    """Both endpoints, and the findings behind them.

    Args:
        runs: One run of ``experiment=headline`` for each seed.
    """
    named = [("headline", run) for run in runs]
    trained, untrained = (Study.of(named, ARMS, groups) for groups in (TRAINED, UNTRAINED))
    tokenizer = load_tokenizer(resolve("tiny"))
    everything = findings(Study.of(named, ARMS), lambda text: len(token_ids(tokenizer, text)), confidence=CONFIDENCE)
    primary = difference(untrained)
    return {
        "seeds": everything["seeds"],
        "endpoint": primary | {"success": primary["low"] > 0 and primary["same_sign_in_every_seed"]},
        "second_endpoint": {"against_rl_only": difference(trained), "against_its_votes": against_votes(trained)},
        "untrained_against_votes": against_votes(untrained),
        **everything,
    }


def difference(study: Study) -> dict[str, Any]:
    """Our accuracy minus theirs, the mean over the study's levels, with its interval over seeds and questions."""
    wanted = {"ours": OURS, "minus": THEIRS, "group": OVERALL}
    (found,) = [d for d in findings(study, confidence=CONFIDENCE)["differences"] if wanted.items() <= d.items()]
    return {
        "value": found["mean"],
        **{key: found[key] for key in ("low", "high", "by_seed", "same_sign_in_every_seed")},
    }


def against_votes(study: Study) -> dict[str, Any]:
    """Our accuracy minus that of a majority of their answers for as many tokens as ours take on average."""
    resampling = Resampling(len(study.seeds))
    means, draws, budgets = [], [], {}
    for group in study.ids:
        rows = [row for seed in study.seeds for there in study.answers(OURS, seed, group).values() for row in there]
        budget = round(np.mean([row.tokens for row in rows]))
        gaps = [_gaps(study, seed, group, budget) for seed in study.seeds]
        means.append([gap.mean() for gap in gaps])
        draws.append(resampling.weights(list(map(len, gaps)), study.crossed, group) @ np.concatenate(gaps))
        budgets[group] = budget
    by_seed = np.mean(means, axis=0)
    low, high = interval(np.mean(draws, axis=0), CONFIDENCE)
    ends = {"value": by_seed.mean(), "low": low, "high": high}
    return {name: round(float(end), 6) for name, end in ends.items()} | {
        "by_seed": [round(float(gap), 6) for gap in by_seed],
        "tokens": budgets,
    }


def _gaps(study: Study, seed: int, group: str, budget: int) -> NDArray[np.float64]:
    """For each question: share of our right answers, minus the chance that their majority is right."""
    found = []
    for question, rows in study.answers(OURS, seed, group).items():
        gold = study.questions[seed][question].gold
        theirs = study.answers(THEIRS, seed, group)[question]
        ballot = Ballot.of(theirs, [read(row.text, row.task, gold, row.answer) for row in theirs])
        found.append(np.mean([row.correct for row in rows]) - ballot.within(budget).majority)
    return np.array(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="folders of the runs, one for each seed")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    found = analysis([outcomes(folder) for folder in args.runs])
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(args.out / "results.json", found)
    curves.write(args.out, found["budget"]["tokens"], found["budget"]["curves"], CONFIDENCE)
    print({key: found[key] for key in ("seeds", "endpoint", "second_endpoint", "untrained_against_votes")})
