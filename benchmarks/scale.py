"""How the cost of a stage grows with its rows, its shards and its actors: exponents, from the real pipeline.

    python -m benchmarks.scale attempts --rows 100000 1000000 10000000 --kill    # canned text, 10,000 in a shard
    python -m benchmarks.scale shards --shards 500 5000 20000                    # shards of one row
    python -m benchmarks.scale actors --actors 1 10 50 200                       # each waits 0.2 s for a shard
    python -m benchmarks.scale traces --rows 1000 10000 100000                   # questions x 8 pairs, real builders
    python -m benchmarks.scale report --rows 5000 50000 200000                   # responses on the page

``attempts``, ``shards`` and ``actors`` run ``sfray run`` on Ray with real actors whose engine returns canned text
(:mod:`benchmarks.canned`), so that what is measured is sfray's own. The driver is looked at from outside: its peak of
memory, and its CPU time between the first and the last finished shard. ``--kill`` ends the driver of the largest run
half-way with SIGKILL, starts the same command again and takes the time from there to the first new shard.

A cost grows as rows to the power of the exponent printed: 0 is flat, 1 linear. It is fitted to logarithms; of two
sizes there is no error to give.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy.stats import linregress

from benchmarks.result import result as of
from benchmarks.watched import Watched, watch
from sfray.store.folder import RunFolder
from sfray.store.listing import size
from sfray.store.manifest import Manifest

CONF = Path(__file__).parent / "conf"
SAMPLES = 2_560
"""Attempts at a question: four prompts, so many of each that making the questions takes little of the time."""

ROWS_PER_SHARD = 10_240
ACTOR_CPUS = 0.01
"""Ray's reservation of a canned actor: so small that hundreds fit on any machine."""

Row = dict[str, float]


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """The power of its size that a cost grows with, and the standard error of that.

    Args:
        sizes: At least two, above 0 and not all the same.
        costs: Of each, above 0.
    """
    if len(sizes) == 2:
        return math.log(costs[1] / costs[0]) / math.log(sizes[1] / sizes[0]), math.nan
    fit = linregress([math.log(s) for s in sizes], [math.log(c) for c in costs])
    return float(fit.slope), float(fit.stderr)


def exponents(rows: Sequence[Mapping[str, float]], by: str) -> dict[str, tuple[float, float]]:
    """The exponent of every cost that all rows have.

    Args:
        rows: One for each size.
        by: The name of the size.
    """
    if len(rows) < 2:
        return {}
    shared = [name for name in rows[0] if name != by and all(row.get(name, 0.0) > 0 for row in rows)]
    return {name: exponent([row[by] for row in rows], [row[name] for row in rows]) for name in shared}


def command(folder: Path, name: str, questions: int, **settings: Any) -> list[str]:
    """A run of ``method=canned``: canned attempts at Countdown puzzles of five numbers.

    Args:
        folder: Where runs are.
        name: Of the run.
        questions: To attempt.
        settings: Key of the config, with ``__`` for its dots -> value.
    """
    own = {key.replace("__", "."): value for key, value in settings.items()}
    asked = {
        "method": "canned",
        "run.dir": folder,
        "run.name": name,
        "task.sft.levels": '["5"]',
        "task.sft.count": questions,
        "task.rl.count": 0,
        "task.eval.count": 0,
        "engine.cpus_per_actor": ACTOR_CPUS,
        "cluster.num_cpus": 2,
    } | own
    return ["-m", "sfray.cli", "run", "--config-dir", str(CONF), *(f"{k}={v}" for k, v in asked.items())]


def sampled(asked: Sequence[str], run: Path) -> Row:
    """Makes the questions of a run in one process and samples in another; what the two took."""
    log = run.parent / f"{run.name}.log"
    before = watch([*asked, "steps=[questions]"], log)
    driver = watch([*asked, "steps=[attempts]"], log)
    return {"questions_seconds": before.seconds, "questions_mib": before.mib} | figures(driver, run)


def figures(driver: Watched, run: Path) -> Row:
    """What the sampling of a run took, of its driver and of its files."""
    artifact = (run / "attempts").resolve()
    manifest = Manifest.read(artifact / "manifest.json")
    times = sorted(part.stat().st_mtime for part in artifact.glob("part-*.parquet"))
    shards, worked = len(times), times[-1] - times[0]
    return {
        "rows": manifest.counts["rows"],
        "shards": shards,
        "seconds": driver.seconds,
        "start_seconds": times[0] - driver.began,
        "work_seconds": worked,
        "finish_seconds": (artifact / "manifest.json").stat().st_mtime - times[-1],
        "driver_mib": driver.mib,
        "shard_ms": 1000 * worked / max(shards - 1, 1),
        "driver_cpu_shard_ms": 1000 * driver.cpu_between(times[0], times[-1]) / max(shards - 1, 1),
        "files": sum(1 for p in artifact.rglob("*") if p.is_file()),
        "disk_mib": size(artifact) / 2**20,
        "manifest_kib": (artifact / "manifest.json").stat().st_size / 1024,
        "plan_kib": (artifact / "plan.json").stat().st_size / 1024,
        "epochs_kib": size(artifact / "epochs") / 1024,
        "journals_kib": size(artifact / "workers") / 1024,
    }


def read_again(run: Path) -> Row:
    """What ``sfray ls`` and ``sfray report`` take."""
    log = run.parent / f"{run.name}.log"
    found: Row = {}
    for name in ("ls", "report"):
        seen = watch(["-m", "sfray.cli", name, str(run)], log)
        found |= {f"{name}_seconds": seen.seconds, f"{name}_mib": seen.mib}
    return found


def killed(asked: Sequence[str], run: Path, shards: int) -> Row:
    """Makes a run's attempts again, ends the driver half-way with SIGKILL, starts it again: the time to a new shard."""
    log = run.parent / f"{run.name}.log"
    shutil.rmtree((run / "attempts").resolve())
    watch([*asked, "steps=[attempts]"], log, until=lambda: _parts(run) >= shards / 2)
    time.sleep(5)  # its actors notice, and end
    there = {part.name for part in _files(run)}
    driver = watch([*asked, "steps=[attempts]"], log)
    new = min(part.stat().st_mtime for part in _files(run) if part.name not in there)
    return {
        "kept_shards": len(there),
        "resume_seconds": new - driver.began,
        "resumed_driver_mib": driver.mib,
        "resumed_rows": Manifest.read(run / "attempts" / "manifest.json").counts["rows"],
    }


def _files(run: Path) -> list[Path]:
    return list((run / "attempts").glob("part-*.parquet")) if (run / "attempts").exists() else []


def _parts(run: Path) -> int:
    return len(_files(run))


def attempts(folder: Path, rows: Sequence[int], kill: bool, actors: int) -> dict[str, Any]:
    """Canned attempts: a run of each size; with ``kill`` another one of the largest, which is interrupted."""
    found = []
    for number in rows:
        asked, run = _attempts(folder, number, actors)
        found.append(sampled(asked, run) | read_again(run))
        show(found[-1:])
        if number != rows[-1]:
            discard(folder, run)
    figures: dict[str, Any] = {"sizes": found, "exponents": exponents(found, "rows")}
    if kill:
        asked, run = _attempts(folder, rows[-1], actors)
        figures["killed"] = killed(asked, run, shards_of(rows[-1]))
    return figures


def _attempts(folder: Path, rows: int, actors: int) -> tuple[list[str], Path]:
    questions = max(1, rows // SAMPLES)
    each = max(1, ROWS_PER_SHARD // SAMPLES)
    asked = command(
        folder, f"rows{rows}", questions, run__shard_questions=each, sample__n=SAMPLES // 4, engine__actors=actors
    )
    return asked, folder / f"rows{rows}"


def shards_of(rows: int) -> int:
    """Shards of so many attempts."""
    return math.ceil(max(1, rows // SAMPLES) / max(1, ROWS_PER_SHARD // SAMPLES))


def shards(folder: Path, numbers: Sequence[int], actors: int) -> dict[str, Any]:
    """Shards of one attempt: what a shard costs the driver, whatever is in it."""
    found = [_single(folder, f"shards{number}", number, engine__actors=actors) for number in numbers]
    return {"sizes": found, "exponents": exponents(found, "shards")}


def pools(folder: Path, actors: Sequence[int], each: int, wait: float) -> dict[str, Any]:
    """Pools of more and more actors, with as many shards for each of them; they wait for a shard without a core."""
    found = []
    for number in actors:
        one = _single(
            folder,
            f"actors{number}",
            number * each,
            engine__actors=number,
            engine__shards_in_flight=1,
            cluster__num_cpus=2 + math.ceil(number * ACTOR_CPUS),
            method__attempts__seconds=wait,
        )
        found.append({"actors": number, **one, "shards_per_second": 1000 / one["shard_ms"]})
    return {"sizes": found, "exponents": exponents(found, "actors")}


def _single(folder: Path, name: str, shards: int, **settings: Any) -> Row:
    """A run with one attempt in each shard."""
    settings |= {"run__shard_questions": 1, "sample__n": 1, "sample__variants": "[plain]"}
    found = sampled(command(folder, name, shards, **settings), folder / name)
    show([found])
    discard(folder, folder / name)
    return found


def traces(folder: Path, questions: Sequence[int], builders: int) -> dict[str, Any]:  # noqa: ARG001 - has its own
    """Real trace building, see :mod:`benchmarks.traces`."""
    from benchmarks.traces import pool
    from sfray.models import TINY

    found = [pool(number, builders, str(TINY)) for number in questions]
    for row in found:
        row["builder_peak_mib"] = max(row["builder_peak_mib"])
    return {"sizes": found, "exponents": exponents(found, "questions")}


def pages(folder: Path, responses: Sequence[int]) -> dict[str, Any]:
    """Real report pages, see :mod:`benchmarks.report`."""
    from benchmarks.report import Texts, measure

    found = []
    for number in responses:
        run = folder / f"page{number}"
        page = measure(run, number, Texts(1_000))
        found.append({name: value for name, value in page.items() if isinstance(value, int | float)})
        shutil.rmtree(run)
    return {"sizes": found, "exponents": exponents(found, "responses")}


def discard(folder: Path, run: Path) -> None:
    """Takes a run and its artifacts away."""
    for artifact in {p.resolve() for p in RunFolder(run).steps().values()}:
        shutil.rmtree(artifact)
    shutil.rmtree(run)
    shutil.rmtree(folder / "artifacts", ignore_errors=True)


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints figures as they come."""
    for row in rows:
        print("  ".join(f"{name}={value:,.4g}" for name, value in row.items()), flush=True)


def main() -> None:
    """Prints figures, exponents and the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("attempts", "shards", "actors", "traces", "report"))
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000], help="attempts, questions, responses")
    parser.add_argument("--shards", type=int, nargs="+", default=[200, 1_000])
    parser.add_argument("--actors", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--each", type=int, default=50, help="shards for each actor, of actors")
    parser.add_argument("--wait", type=float, default=0.2, help="seconds of a shard, of actors")
    parser.add_argument("--pool", type=int, default=2, help="actors or builders of the others")
    parser.add_argument("--kill", action="store_true", help="interrupt the largest run of attempts and go on")
    parser.add_argument("--folder", type=Path, help="where runs go; the last is kept. Default: a temporary one")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (chosen.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        measure: dict[str, Callable[[], dict[str, Any]]] = {
            "attempts": lambda: attempts(folder, chosen.rows, chosen.kill, chosen.pool),
            "shards": lambda: shards(folder, chosen.shards, chosen.pool),
            "actors": lambda: pools(folder, chosen.actors, chosen.each, chosen.wait),
            "traces": lambda: traces(folder, chosen.rows, chosen.pool),
            "report": lambda: pages(folder, chosen.rows),
        }
        measured = measure[chosen.what]()
    for name, (slope, error) in measured["exponents"].items():
        print(f"{name:24} grows as size ^ {slope:5.2f} ± {error:.2f}")
    print(json.dumps(of(f"scale_{chosen.what}", measured, {"pool": chosen.pool}), indent=2))


if __name__ == "__main__":
    main()
