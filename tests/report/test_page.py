import json
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser

import pytest

from sfray.artifacts import Attempts, Questions, Reflections, Responses
from sfray.config import Config, EvaluateConfig, ModelConfig, QualityConfig, ReportConfig, RunConfig
from sfray.evaluation import quality, results
from sfray.evaluation.floors import QualityFloor
from sfray.grammar import Pair, render
from sfray.io.arrow import to_table
from sfray.records import Attempt, Completion, Reflection, Reject, Trace
from sfray.report import page
from sfray.store.artifact import Artifact
from sfray.store.folder import RunFolder
from tests.evaluation.rows import (
    RIGHT,
    WRONG,
    attempt,
    completion,
    question,
    reflection,
    stage,
    trace,
    write_parts,
    write_questions,
)
from tests.report import packed

_HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\"'"
_CONFIG = replace(
    Config(),
    run=RunConfig(name="a <b> run"),
    model=ModelConfig(path="./no-such-model"),
)
_MODEL, _DECODING = "./no-such-model", EvaluateConfig(n=1)
_SFT = [question(i, split="sft") for i in range(2)]
_EVAL = [question(i, text=f"Make 15. {_HOSTILE}") for i in range(2)]
_TEXT = render([Pair(RIGHT, "<verdict>Correct</verdict>")], [], "So:", "3 * 5")


class _Page(HTMLParser):
    """Collects elements and checks that they nest."""

    _VOID = frozenset(("meta", "br", "input", "img", "link", "hr"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def count(self, tag: str) -> int:
        return sum(t == tag for t, _ in self.elements)

    def all_of(self, css_class: str) -> list[dict[str, str | None]]:
        return [a for _, a in self.elements if (a.get("class") or "").split()[:1] == [css_class]]


def _parse(html: str) -> _Page:
    page = _Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def _report(root, config=_CONFIG) -> str:
    return page.write(RunFolder(root), config).read_text()


def _sampled(root):
    tried = [[attempt(q, 0, RIGHT), attempt(q, 1, WRONG)] for q in _SFT]
    verdicts = [[reflection(a, 0, "Correct" if a.correct else "Incorrect") for a in shard] for shard in tried]
    return (
        Questions(write_questions(root, sft=_SFT, eval=_EVAL), "sft"),
        Attempts(
            write_parts(root, "attempts", Attempt, tried, rejects=[Reject(id="x", reason="too_long", detail=_HOSTILE)])
        ),
        Reflections(write_parts(root, "reflections", Reflection, verdicts)),
    )


def _everything(root):
    sampled = _sampled(root)
    quality.write(_CONFIG, stage(root, "quality"), _MODEL, *sampled)
    hostile = render([Pair(f"{_HOSTILE} {RIGHT}", "<verdict>Correct</verdict>")], [], _HOSTILE, "3 * 5")
    metrics = {
        "attempts_per_trace": {"mean": 1.0, "histogram": {"1": 2}},
        "tokens": {"total": 80, "mean": 40, "bin": 64, "histogram": {"0": 2}},
        "mix": {"1,0": 2},
        "mix_drawn": {"1,0": 1, "2,1": 1},
        "with_incorrect": {"drawn": 0.5, "kept": 0.0},
        "questions": {
            "countdown-3": {
                "questions": 4,
                "with_traces": 2,
                "traces": 2,
                "per_question": {"mean": 0.5, "max": 1},
                "histogram": {"0": 2, "1": 2},
            }
        },
        "correct_by_position": {"1": 1.0},
        "phrases": {_HOSTILE: 2},
        "skipped": {"invalid_reflection": 1},
        "redrawn": 1,
        "given_up": 0,
        "silver": {"countdown.reflection": {"texts": 2, "with_arithmetic": 0, "wrong_arithmetic_rate": None}},
    }
    rows = [[trace(q, 0, hostile)] for q in _SFT]
    write_parts(root, "traces", Trace, rows, metrics=metrics)
    for name, key in (("sft", "loss"), ("grpo", "reward")):
        made = stage(root, name)
        lines = [{"step": i, key: 1 / i} | ({"response_length": 10 * i} if name == "grpo" else {}) for i in (1, 2, 3)]
        (made.path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        made.commit({"steps": 3})
    _evaluate(root)


def _evaluate(root):
    models = {}
    for name, text in (("base", _HOSTILE), ("grpo", _TEXT)):
        made = Artifact(root / f"eval_{name}", "evaluate", {"imported": name, "evaluate": asdict(_DECODING)}, {})
        made.open()
        made.write_shard(0, to_table(Completion, [completion(q, 0, text) for q in _EVAL]))
        made.commit({})
        models[name] = made
    summed = stage(root, "results", models={name: made.fingerprint for name, made in models.items()})
    responses = {name: Responses(made.path) for name, made in models.items()}
    results.write(_CONFIG, summed, Questions(root / "questions", "eval"), responses)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> str:
    root = tmp_path_factory.mktemp("run")
    _everything(root)
    return _report(root)


def test_a_whole_run_shows_every_part(whole):
    shown = _parse(whole)
    sections = [a["id"] for t, a in shown.elements if t == "section"]
    assert sections == ["accuracy", "training", "skills", "quality", "traces", "browser", "steps", "config"]
    assert shown.count("svg") == 9
    assert [(e["kind"], e["correct"]) for e in packed.read(whole)] == [
        ("trace", True), ("trace", True), ("base", False), ("base", False), ("grpo", True), ("grpo", True)
    ]  # fmt: skip
    assert "All 6 traces and responses of this run." in "".join(shown.text)
    text = "".join(shown.text)
    assert "a different model" in text
    assert "GRPO is better than Base on countdown-3." in text
    assert "1 too long" in text


def test_answers_to_one_question_can_be_set_side_by_side(whole):
    entries = packed.read(whole)
    questions = {kind: [e["question"] for e in entries if e["kind"] == kind] for kind in ("trace", "base", "grpo")}
    assert questions == {"trace": [0, 1], "base": [2, 3], "grpo": [2, 3]}


def test_a_page_over_its_limit_says_what_it_leaves_out(tmp_path):
    _everything(tmp_path)
    few = replace(_CONFIG, report=ReportConfig(entries=3))
    html = _report(tmp_path, few)
    text = "".join(_parse(html).text)
    assert "A part of the 6 traces and responses of this run" in text
    assert "a seeded choice of 2 of its 4 questions" in text
    assert "report.entries=3" in text
    assert [e["kind"] for e in packed.read(html)] == ["trace", "base", "grpo"]


def test_hostile_text_stays_text(whole):
    shown = _parse(whole)
    scripts = [a for t, a in shown.elements if t == "script"]
    assert [a.get("class", a.get("id")) for a in scripts if a.get("type") == "text/plain"] == ["chunk", "index"]
    assert [a for a in scripts if a.get("type") != "text/plain"] == [{}]  # our own
    assert shown.count("img") == 0
    assert not [a for _, a in shown.elements if any(k.startswith("on") for k in a)]
    assert "alert(1)" in "".join(shown.text)  # in the table of phrases
    assert {e["prompt"] for e in packed.read(whole) if e["kind"] == "base"} == {f"Make 15. {_HOSTILE}"}
    assert {e["text"] for e in packed.read(whole) if e["kind"] == "base"} == {_HOSTILE}
    assert "a <b> run" in "".join(shown.text)
    assert shown.count("title") == 1


def test_nothing_is_loaded_from_anywhere(whole):
    shown = _parse(whole)
    for tag, attributes in shown.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for name in ("src", "href", "xlink:href", "action", "data", "srcset", "poster"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not re.search(r"@import|url\((?!#)", whole)
    policy = next(a["content"] for t, a in shown.elements if t == "meta" and a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "script-src 'sha256-" in policy


def test_tags_are_told_apart(whole):
    kinds = [kind for e in packed.read(whole) for kind, _ in e["blocks"]]
    assert kinds.count("reflect correct") == 4
    assert kinds.count("sample") == 4


def test_the_same_run_gives_the_same_page(tmp_path):
    _everything(tmp_path)
    sources = page.Sources.read(RunFolder(tmp_path), _CONFIG)
    assert "".join(page.render(sources)) == "".join(page.render(sources))


def test_an_empty_run_says_so(tmp_path):
    shown = _parse(_report(tmp_path))
    assert [a["id"] for t, a in shown.elements if t == "section"] == ["config"]
    assert "No step of this run is finished yet." in "".join(shown.text)


def test_a_run_up_to_the_quality_stage(tmp_path):
    quality.write(_CONFIG, stage(tmp_path, "quality"), _MODEL, *_sampled(tmp_path))
    shown = _parse(_report(tmp_path))
    assert [a["id"] for t, a in shown.elements if t == "section"] == ["quality", "steps", "config"]


def test_a_run_that_stopped_at_its_floors_shows_why(tmp_path):
    sampled = _sampled(tmp_path)
    config = replace(_CONFIG, quality=QualityConfig(min_accuracy=0.9))
    made = stage(tmp_path, "quality")
    with pytest.raises(QualityFloor):
        quality.write(config, made, _MODEL, *sampled)
    text = "".join(_parse(_report(tmp_path, config)).text)
    assert "Below the floor quality.min_accuracy = 0.9: 0.5" in text


_MADE_ELSEWHERE = "my_lab.stages:Shortened"


def _traces_by(root, step, stage_name, metrics=None):
    made = Artifact(root / step, stage_name, {"imported": step}, {})
    made.open()
    made.write_shard(0, to_table(Trace, [trace(q, 0, "<think>Shown here.</think>") for q in _SFT]))
    made.commit({}, metrics)


def test_traces_are_shown_whatever_stage_made_them(tmp_path):
    write_questions(tmp_path, eval=_EVAL)
    _traces_by(tmp_path, "shortened", _MADE_ELSEWHERE)
    html = _report(tmp_path)
    assert [e["text"] for e in packed.read(html)] == ["<think>Shown here.</think>"] * 2
    assert _tiles(html)["silver traces"] == "2"
    assert "traces" not in [a["id"] for t, a in _parse(html).elements if t == "section"]  # it has no statistics


def test_statistics_of_traces_are_shown_whatever_stage_and_step_have_them(tmp_path):
    _traces_by(tmp_path, "silver_2", _MADE_ELSEWHERE, {"tokens": {"bin": 64, "histogram": {"0": 2}}})
    html = _report(tmp_path)
    assert [a["id"] for t, a in _parse(html).elements if t == "section"] == ["traces", "browser", "steps", "config"]
    assert _tiles(html)["silver traces"] == "2"


def test_the_last_traces_are_counted(whole):
    assert _tiles(whole)["silver traces"] == "2"


def _tiles(html):
    found = re.findall(r'<div class="value">([^<]*)</div><div class="label">([^<]*)</div>', html)
    assert found
    return {label: value for value, label in found}


def test_an_evaluation_without_traces(tmp_path):
    write_questions(tmp_path, eval=_EVAL)
    _evaluate(tmp_path)
    shown = _parse(_report(tmp_path))
    sections = [a["id"] for t, a in shown.elements if t == "section"]
    assert sections == ["accuracy", "skills", "browser", "steps", "config"]
    assert "Scorecard of every level" in "".join(shown.text)


def test_results_of_a_version_without_scorecards_are_shown_without(tmp_path):
    write_questions(tmp_path, eval=_EVAL)
    _evaluate(tmp_path)
    file = tmp_path / "results" / "results.json"
    older = json.loads(file.read_text())
    for model in older["models"].values():
        for level in model["levels"].values():
            del level["scorecard"]
    file.write_text(json.dumps(older))
    shown = _parse(_report(tmp_path))
    assert "Scorecard of every level" not in "".join(shown.text)
