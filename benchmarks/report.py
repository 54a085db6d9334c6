"""The report page with many responses: its size, what building it takes, and how it behaves in Chromium.

    python -m benchmarks.report                       # 50,000 responses of about 1,000 characters
    python -m benchmarks.report --prose               # of English words in place of arithmetic
    python -m benchmarks.report --responses 200000 --keep FOLDER

The responses are synthetic Countdown answers, half of each of two models, judged by the verifier and
written as artifacts of a run. Arithmetic deflates to an eighth; random words, drawn as often as
they occur in English, hardly to a half, which real prose betters. The page is built in a process of
its own, once for a tenth of the responses and once for all: memory is its peak (``VmHWM``), and
``imports_mib`` what it was before. Times in Chromium are by the page's own clock, to the second frame
after the work: from its start (``first_usable_ms``: the first entries are drawn and can be
opened) or from the event. A search waits 150 ms for more typing first. Without
Chromium the times are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from benchmarks import chromium
from benchmarks.traces import peak_mib
from sfray import seeds
from sfray.artifacts import Questions, Responses
from sfray.config import Config, EvaluateConfig, ReportConfig, RunConfig
from sfray.evaluation import results
from sfray.grammar import Pair, render
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.progress import console
from sfray.records import Completion, Question
from sfray.store.artifact import Artifact
from sfray.store.folder import RunFolder
from sfray.tasks import countdown
from sfray.tasks.registry import verify
from sfray.tasks.words import frequencies

MODELS = ("base", "grpo")
SHARD = 256
EVERY = 1 << 40
"""A limit that leaves nothing out."""
SUMMED = 64
"""Questions that the page's figures are of: computing them is another matter."""

DRIVER = """
const list = document.getElementById("entries"), form = document.getElementById("filters");
const frame = () => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
const settled = () => new Promise((go) => {  // pages of a version without the attribute are done at once
  if (!list.hasAttribute("aria-busy")) { go(); return; }
  const observer = new MutationObserver(() => {
    if (list.ariaBusy !== "true") { observer.disconnect(); go(); }
  });
  observer.observe(list, { attributes: true, attributeFilter: ["aria-busy"] });
});
const until = async (done) => { while (!done()) { await new Promise((go) => setTimeout(go)); } };
const timed = async (act) => {
  const start = performance.now();
  await act();
  await frame();
  return Math.round(performance.now() - start);
};
const set = (name, change) => timed(async () => {
  const done = settled();
  change(form.elements[name]);
  form.elements[name].dispatchEvent(new Event("input", { bubbles: true }));
  await done;
});
const choose = (name, index) => set(name, (select) => { select.selectedIndex = index; });
const search = (text) => set("text", (input) => { input.value = text; });
const shown = () => document.getElementById("shown").value;

if (list.ariaBusy === "true") { await settled(); }
await frame();
const times = { first_usable_ms: Math.round(performance.now()) };
const counts = { all: shown() };
const entry = list.children[Math.floor(list.children.length / 2)];
times.open_ms = await timed(async () => {
  entry.querySelector("summary").click();
  await until(() => entry.querySelector(".response")?.textContent);
});
times.filter_ms = await choose("correct", 1);
counts.right = shown();
await choose("correct", 0);
times.search_ms = await search("once more");
counts.found = shown();
times.search_again_ms = await search("target");
counts.found_again = shown();
await search("");
times.beside_ms = await choose("beside", 1);
counts.beside = shown();
return { times, counts };
"""


def question(number: int) -> Question:
    """A puzzle of four numbers."""
    problem = countdown.draw(seeds.rng("benchmark", "report", number), 4)
    return Question(
        id=f"countdown-4:eval:{number:06d}",
        task="countdown",
        level="4",
        split="eval",
        text=countdown.question_text(problem.numbers, problem.target),
        gold=json.dumps({"numbers": list(problem.numbers), "target": problem.target}),
    )


@dataclass(frozen=True)
class Texts:
    """What responses say.

    Attributes:
        characters: Of a response, about.
        words: To reflect in; without any it is done in arithmetic.
        weights: How often each word and those before it occur.
    """

    characters: int
    words: Sequence[str] = ()
    weights: Sequence[int] = ()


def english(characters: int) -> Texts:
    """Texts that reflect in English words."""
    return Texts(characters, list(frequencies()), list(accumulate(frequencies().values())))


def response(asked: Question, model: str, texts: Texts) -> Completion:
    """Attempts and reflections, right in some cases, judged by the verifier."""
    rng = seeds.rng("benchmark", "report", asked.id, model)
    gold = json.loads(asked.gold)
    pairs: list[Pair] = []
    while sum(len(p.attempt) + len(p.reflection) + 70 for p in pairs) < texts.characters - 60:
        value, tree = countdown.combine(rng, list(gold["numbers"]))
        work, shown = ", ".join(countdown.steps(tree)), countdown.render(tree)
        thought = " ".join(rng.choices(texts.words, cum_weights=texts.weights, k=60)) if texts.words else work
        verdict = "Correct" if value == gold["target"] else "Incorrect"
        said = f"{thought}. The target is {gold['target']}, this is {value}. <verdict>{verdict}</verdict>"
        pairs.append(Pair(f"I try {shown}: {work}. <answer>{shown}</answer>", said))
    final = shown if model == "base" or rng.random() < 0.5 else countdown.render(problem_tree(asked))
    text = render(pairs, ["Once more, another way."] * (len(pairs) - 1), "So I answer:", final)
    outcome = verify("countdown", asked.gold, text)
    return Completion(
        id=f"{asked.id}/0",
        question_id=asked.id,
        task=asked.task,
        level=asked.level,
        sample=0,
        text=text,
        tokens=len(text) // 2,
        finish="stop",
        correct=outcome.correct,
        reason=outcome.reason.value,
        answer=outcome.answer,
    )


def problem_tree(asked: Question) -> Any:
    """The solution that a puzzle was made from."""
    number = int(asked.id.rpartition(":")[2])
    return countdown.draw(seeds.rng("benchmark", "report", number), 4).tree


def write_run(root: Path, responses: int, texts: Texts) -> None:
    """Writes the artifacts of a run that asked each model half of the responses."""
    asked = [question(i) for i in range(responses // len(MODELS))]
    few = asked[:SUMMED]
    made = _artifact(root / "questions", "questions")
    for split, rows in (("sft", []), ("rl", []), ("eval", asked)):
        write_table(made.path / f"{split}.parquet", to_table(Question, rows))
    made.commit({"eval": len(asked)})
    write_table(root / "few" / "eval.parquet", to_table(Question, few))
    fingerprints, summed = {}, {}
    for model in MODELS:
        answers = _artifact(root / f"eval_{model}", "evaluate")
        for shard, first in enumerate(range(0, len(asked), SHARD)):
            rows = [response(q, model, texts) for q in asked[first : first + SHARD]]
            answers.write_shard(shard, to_table(Completion, rows))
            if shard == 0:
                small = _artifact(root / f"few_{model}", "evaluate")
                small.write_shard(0, to_table(Completion, rows[:SUMMED]))
                small.commit({"rows": min(SUMMED, len(rows))})
                summed[model] = Responses(small.path)
        answers.commit({"rows": len(asked)})
        fingerprints[model] = answers.fingerprint
    table = _artifact(root / "results", "results", models=fingerprints)
    results.write(Config(), table, Questions(root / "few", "eval"), summed)


def _artifact(path: Path, stage: str, **inputs: Any) -> Artifact:
    config = {"imported": path.name, "evaluate": asdict(EvaluateConfig(n=1))}
    made = Artifact(path, stage, config, inputs)
    made.open()
    return made


def build(root: Path) -> None:
    """Builds the page in this process, which is only for that, and prints what it took."""
    from sfray.report import page

    before, start, worked = peak_mib(), time.perf_counter(), time.process_time()
    page.write(RunFolder(root), replace(Config(), run=RunConfig(name="synthetic"), report=ReportConfig(entries=EVERY)))
    took = {"build_s": time.perf_counter() - start, "build_cpu_s": time.process_time() - worked}
    memory = {"imports_mib": round(before), "peak_mib": round(peak_mib())}
    print(json.dumps({name: round(seconds, 2) for name, seconds in took.items()} | memory))


def measure(root: Path, responses: int, texts: Texts) -> dict[str, Any]:
    """Everything about the page of one run."""
    write_run(root, responses, texts)
    arguments = [sys.executable, "-m", "benchmarks.report", "--build", str(root)]
    output = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True).stdout
    page = root / "report.html"
    found = {"responses": responses, "page_mb": round(page.stat().st_size / 1e6, 1)}
    found |= json.loads(output.splitlines()[-1])
    if browser := chromium.command():
        found |= chromium.ask(browser, page, DRIVER, seconds=600)
    return found


def runs(responses: int, texts: Texts, keep: Path | None) -> Iterator[dict[str, Any]]:
    """A tenth of the responses, then all."""
    for count in (responses // 10, responses):
        with tempfile.TemporaryDirectory() as name:
            yield measure((keep or Path(name)) / f"report-{count}", count, texts)


def run(responses: int = 50_000, texts: Texts = Texts(1_000), keep: Path | None = None) -> dict[str, Any]:
    """Measures everything.

    Args:
        responses: In the larger page; the smaller has a tenth.
        texts: What they say.
        keep: Folder for the runs; None to remove them.
    """
    return {
        "hardware": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "pages": list(runs(responses, texts, keep)),
    }


def main() -> None:
    """Prints a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--responses", type=int, default=50_000)
    parser.add_argument("--characters", type=int, default=1_000)
    parser.add_argument("--prose", action="store_true")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.build:
        build(arguments.build)
        return
    texts = english(arguments.characters) if arguments.prose else Texts(arguments.characters)
    result = run(arguments.responses, texts, arguments.keep)
    console.print(
        "responses  page MB  build s  (CPU s)  peak MiB  usable ms  open ms  filter ms  search ms  again ms  beside ms"
    )
    for row in result["pages"]:
        times = row.get("times", {})
        built = f"{row['build_s']:>7}  {row['build_cpu_s']:>7}  {row['peak_mib']:>8}"
        waits = [
            times.get(f"{name}_ms", "-")
            for name in ("first_usable", "open", "filter", "search", "search_again", "beside")
        ]
        console.print(
            f"{row['responses']:>9,}  {row['page_mb']:>7}  {built}  "
            "{:>9}  {:>7}  {:>9}  {:>9}  {:>8}  {:>9}".format(*waits)
        )
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
