import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from sfray.arrow import to_table
from sfray.config import Config, EvaluateConfig, ModelConfig, QualityConfig, RunConfig
from sfray.evaluation import quality, report, results
from sfray.evaluation.floors import QualityFloor
from sfray.grammar import Pair, render
from sfray.records import Attempt, Completion, Reflection, Reject, Trace
from sfray.store import Stage
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

_HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\"'"
_CONFIG = replace(
    Config(),
    run=RunConfig(name="a <b> run"),
    model=ModelConfig(path="./no-such-model"),
    evaluate=EvaluateConfig(n=1, models=["base", "grpo"]),
)
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


def _report(root, inputs, config=_CONFIG) -> str:
    made = stage(root, "report")
    report.run(config, made, inputs)
    assert made.done
    return (made.path / "report.html").read_text()


def _sampled(root):
    tried = [[attempt(q, 0, RIGHT), attempt(q, 1, WRONG)] for q in _SFT]
    verdicts = [[reflection(a, 0, "Correct" if a.correct else "Incorrect") for a in shard] for shard in tried]
    return {
        "questions": write_questions(root, sft=_SFT, eval=_EVAL),
        "attempts": write_parts(root, "attempts", Attempt, tried, rejects=[Reject("x", "too_long", _HOSTILE)]),
        "reflections": write_parts(root, "reflections", Reflection, verdicts),
    }


def _everything(root):
    inputs = _sampled(root)
    checked = stage(root, "quality")
    quality.run(_CONFIG, checked, inputs)
    hostile = render([Pair(f"{_HOSTILE} {RIGHT}", "<verdict>Correct</verdict>")], [], _HOSTILE, "3 * 5")
    metrics = {
        "attempts_per_trace": {"mean": 1.0, "histogram": {"1": 2}},
        "tokens": {"total": 80, "mean": 40, "bin": 64, "histogram": {"0": 2}},
        "mix": {"1,0": 2},
        "correct_by_position": {"1": 1.0},
        "phrases": {_HOSTILE: 2},
        "skipped": {"invalid_reflection": 1},
        "rebuilt_shorter": 0,
        "silver": {"countdown.reflection": {"texts": 2, "with_arithmetic": 0, "wrong_arithmetic_rate": None}},
    }
    rows = [[trace(q, 0, hostile)] for q in _SFT]
    inputs |= {"quality": checked.path, "traces": write_parts(root, "traces", Trace, rows, metrics=metrics)}
    for name, key in (("sft", "loss"), ("grpo", "reward")):
        made = stage(root, name)
        lines = [{"step": i, key: 1 / i, "response_length": 10 * i} for i in (1, 2, 3)]
        (made.path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        made.commit({"steps": 3})
        inputs[name] = made.path
    inputs["evaluate"] = _evaluate(root, inputs)
    return inputs


def _evaluate(root, inputs):
    made = stage(root, "evaluate")
    rows = [completion("base", q, 0, _HOSTILE) for q in _EVAL]
    rows += [completion("grpo", q, 0, _TEXT) for q in _EVAL]
    made.write_shard(0, to_table(Completion, rows))
    results.run(_CONFIG, made, inputs)
    return made.path


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> str:
    root = tmp_path_factory.mktemp("run")
    return _report(root, _everything(root))


def test_a_whole_run_shows_every_part(whole):
    page = _parse(whole)
    sections = [a["id"] for t, a in page.elements if t == "section"]
    assert sections == ["accuracy", "training", "skills", "quality", "traces", "browser", "stages", "config"]
    assert page.count("svg") == 8
    entries = page.all_of("entry")
    assert [(e["data-kind"], e["data-correct"]) for e in entries] == [
        ("trace", "yes"), ("trace", "yes"), ("base", "no"), ("base", "no"), ("grpo", "yes"), ("grpo", "yes")
    ]  # fmt: skip
    text = "".join(page.text)
    assert "a different model" in text
    assert "GRPO is better than Base on countdown-3." in text
    assert "1 too long" in text


def test_hostile_text_stays_text(whole):
    page = _parse(whole)
    assert page.count("script") == 1
    assert page.count("img") == 0
    assert not [a for _, a in page.elements if any(k.startswith("on") for k in a)]
    assert "alert(1)" in "".join(page.text)
    assert "a <b> run" in "".join(page.text)
    assert page.count("title") == 1


def test_nothing_is_loaded_from_anywhere(whole):
    page = _parse(whole)
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for name in ("src", "href", "xlink:href", "action", "data", "srcset", "poster"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not re.search(r"@import|url\((?!#)", whole)
    policy = next(a["content"] for t, a in page.elements if t == "meta" and a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "script-src 'sha256-" in policy


def test_tags_are_told_apart(whole):
    page = _parse(whole)
    assert len([a for t, a in page.elements if t == "div" and a.get("class") == "reflect correct"]) == 4
    assert len([a for t, a in page.elements if t == "div" and a.get("class") == "sample"]) == 4


def test_the_same_run_gives_the_same_page(tmp_path):
    inputs = _everything(tmp_path)
    made = Stage(tmp_path / "report", "report", {}, {})
    sources = report.Sources.read(_CONFIG, made, inputs)
    assert report.render(sources) == report.render(sources)


def test_an_empty_run_says_so(tmp_path):
    page = _parse(_report(tmp_path, {}))
    assert [a["id"] for t, a in page.elements if t == "section"] == ["config"]
    assert "No stage of this run is finished yet." in "".join(page.text)


def test_a_run_up_to_the_quality_stage(tmp_path):
    inputs = _sampled(tmp_path)
    made = stage(tmp_path, "quality")
    quality.run(_CONFIG, made, inputs)
    page = _parse(_report(tmp_path, inputs | {"quality": made.path}))
    assert [a["id"] for t, a in page.elements if t == "section"] == ["quality", "stages", "config"]


def test_a_run_that_stopped_at_its_floors_shows_why(tmp_path):
    inputs = _sampled(tmp_path)
    config = replace(_CONFIG, quality=QualityConfig(min_accuracy=0.9))
    made = stage(tmp_path, "quality")
    with pytest.raises(QualityFloor):
        quality.run(config, made, inputs)
    text = "".join(_parse(_report(tmp_path, inputs, config)).text)
    assert "Below the floor quality.min_accuracy = 0.9: 0.5" in text


def test_an_evaluation_without_traces(tmp_path):
    inputs = {"questions": write_questions(tmp_path, eval=_EVAL)}
    inputs["evaluate"] = _evaluate(tmp_path, inputs)
    page = _parse(_report(tmp_path, inputs))
    sections = [a["id"] for t, a in page.elements if t == "section"]
    assert sections == ["accuracy", "skills", "browser", "stages", "config"]
