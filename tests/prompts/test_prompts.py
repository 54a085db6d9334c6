"""The words: what they turn into, and which files are refused."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sfray import prompts
from sfray.grammar import STRUCTURAL_TAG
from sfray.prompts import load

DEFAULT = Path(prompts.__file__).with_name("default.yaml")
OWN = """
solve:
  first: {user: "{question} Q {answer_type}"}
  second: {system: be, user: "S {question}"}
system: {be: "Be brief."}
hint: "Hint {answer}"
reflect: {default: "R {question} / {attempt}"}
glue: {generic: [g1, g2], correct: [c], incorrect: [i]}
ending: [e]
backtrack: [b]
confirm: [f]
"""


def own(tmp_path: Path, **changes: Any) -> Path:
    """A prompts file with dotted keys (dots written ``__``) set, or removed by ``...``."""
    raw = yaml.safe_load(OWN)
    for key, value in changes.items():
        *groups, last = key.split("__")
        group = raw
        for name in groups:
            group = group[name]
        if value is ...:
            del group[last]
        else:
            group[last] = value
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return path


def test_what_a_model_is_told(tmp_path: Path) -> None:
    words = load(str(own(tmp_path)))
    assert words.attempt("first", "2+2?", "the number") == [{"role": "user", "content": "2+2? Q the number"}]
    assert words.attempt("second", "2+2?", "the number") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "S 2+2?"},
    ]
    assert words.attempt("first", "2+2?", "the number", hint="4") == [
        {"role": "user", "content": "2+2? Q the number\n\nHint 4"}
    ]
    assert words.reflection("default", "2+2?", "It is 5.") == [{"role": "user", "content": "R 2+2? / It is 5."}]
    assert words.question("2+2?", "the number") == [{"role": "user", "content": "2+2? Q the number"}]
    assert words.question("2+2? {x}", "the number", complete=True) == [{"role": "user", "content": "2+2? {x}"}]


def test_a_wording_of_a_skill(tmp_path: Path) -> None:
    words = load(str(own(tmp_path, skills={"planning": {"default": "P {question} {attempt}", "short": "{question}"}})))
    assert words.wording("planning", "short") == "{question}"
    assert words.wording("planning", "default", "of its own") == "P {question} {attempt}"
    assert words.wording("doubt", "default", "of its own") == "of its own"
    with pytest.raises(
        ValueError, match=r"^prompts: skills\.doubt is missing: write there how to ask for a segment of"
    ):
        words.wording("doubt", "default")
    with pytest.raises(ValueError, match=r"^prompts: skills\.planning has no variant 'shrt'; did you mean 'short'\?$"):
        words.wording("planning", "shrt")


def test_a_file_may_say_nothing_of_skills(tmp_path: Path) -> None:
    assert load(str(own(tmp_path))).skills == {}


@pytest.mark.parametrize("file", ["default", "paper"])
def test_the_shipped_skills_have_wordings(file: str) -> None:
    words = load(file)
    assert {name: list(variants) for name, variants in words.skills.items()} == {
        "planning": ["default"], "decomposition": ["default"], "backtracking": ["default"],
    }  # fmt: skip
    assert "{attempt}" in words.skills["backtracking"]["default"]
    assert "{attempt}" not in words.skills["decomposition"]["default"]


def test_the_system_prompt_is_filled_too(tmp_path: Path) -> None:
    words = load(str(own(tmp_path, system__be="Give {answer_type} to {question}")))
    assert words.attempt("second", "2+{answer_type}?", "the number") == [
        {"role": "system", "content": "Give the number to 2+{answer_type}?"},
        {"role": "user", "content": "S 2+{answer_type}?"},
    ]


def test_phrases(tmp_path: Path) -> None:
    words = load(str(own(tmp_path)))
    assert words.glue == {"generic": ("g1", "g2"), "correct": ("c",), "incorrect": ("i",)}
    assert (words.ending, words.backtrack, words.confirm) == (("e",), ("b",), ("f",))


def test_digest_is_that_of_the_file(tmp_path: Path) -> None:
    path = own(tmp_path)
    assert load(str(path)).digest == hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def test_a_file_that_is_like_another_says_only_what_differs(tmp_path: Path) -> None:
    base = own(tmp_path)
    path = tmp_path / "like.yaml"
    path.write_text(f'like: {base}\nsolve: {{second: {{user: "T {{question}}"}}}}\nending: [x, y]\n', encoding="utf-8")
    theirs, words = load(str(base)), load(str(path))
    assert list(words.solve) == ["first", "second"]
    assert words.solve["second"] == (None, "T {question}")
    assert words.ending == ("x", "y")
    assert (words.solve["first"], words.glue) == (theirs.solve["first"], theirs.glue)
    digest = words.digest
    own(tmp_path, hint="Another hint {answer}")
    assert load(str(path)).digest != digest


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ("like: defualt", "prompts: no file 'defualt'; did you mean 'default'?"),
        ("like: [default]", "prompts: like must name a prompts file, got ['default']"),
        ("lik: default", "prompts: no section 'lik'; did you mean 'like'?"),
        ("like: like.yaml", "is like itself"),
    ],
)
def test_what_a_file_cannot_be_like(like: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("like.yaml").write_text(f"{like}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(message)):
        load("like.yaml")


def test_the_default_has_the_papers_numbers() -> None:
    words = load()
    assert list(words.solve) == ["plain", "plan", "alternatives", "restate"]
    assert [system is not None for system, _ in words.solve.values()] == [False, True, True, True]
    assert {k: len(v) for k, v in words.glue.items()} == {"generic": 11, "correct": 14, "incorrect": 14}
    assert len(words.ending) == 7
    assert words == load("default") == load(str(DEFAULT))


def test_the_tiny_wording_is_the_default_with_few_phrases() -> None:
    words, default = load("tiny"), load()
    assert (words.solve, words.hint, words.reflect) == (default.solve, default.hint, default.reflect)
    assert {k: len(v) for k, v in words.glue.items()} == {"generic": 2, "correct": 1, "incorrect": 2}
    for kind, phrases in words.glue.items():
        assert set(phrases) < set(default.glue[kind])
    for short, long in ((words.ending, default.ending), (words.backtrack, default.backtrack)):
        assert set(short) < set(long)
    assert set(words.confirm) < set(default.confirm)


@pytest.mark.parametrize("source", ["instructed", "bolt"])
def test_the_wordings_of_baselines_are_the_papers_but_for_one_variant(source: str) -> None:
    words, paper = load(source), load("paper")
    changed = {name for name in words.solve if words.solve[name] != paper.solve.get(name)}
    assert changed == ({"plain"} if source == "instructed" else {"long"})
    assert (words.reflect, words.glue, words.skills) == (paper.reflect, paper.glue, paper.skills)
    (turn,) = words.question("2 + 2 = ?", "the number")
    assert ("<sample>" in turn["content"], "<reflect>" in turn["content"]) == ((source == "instructed",) * 2)


def test_the_default_asks_for_answers_and_verdicts() -> None:
    words = load()
    for variant in words.solve:
        (*turns, turn) = words.attempt(variant, "QUESTION", "TYPE")
        assert turn["content"].startswith("QUESTION ")
        assert turn["content"].endswith("give TYPE in <answer> tags.")
        assert "{" not in turn["content"]
        assert [t["content"] for t in turns] == [system for system in (words.solve[variant][0],) if system]
    (reflection,) = words.reflection("default", "QUESTION", "ATTEMPT")
    assert "QUESTION" in reflection["content"]
    assert "\nATTEMPT\n" in reflection["content"]
    assert reflection["content"].endswith("<verdict>Correct</verdict> or <verdict>Incorrect</verdict>.")


def test_no_phrase_of_the_default_is_two_or_has_a_tag() -> None:
    words = load()
    phrases = [p for group in (*words.glue.values(), words.ending, words.backtrack, words.confirm) for p in group]
    assert len(phrases) == len(set(phrases))
    for phrase in phrases:
        assert STRUCTURAL_TAG.search(phrase) is None
        assert phrase == phrase.strip()
        assert phrase[-1] in ".:"


REFUSED = [
    ({"solve": ...}, "prompts: section 'solve' is missing or empty"),
    ({"confirm": []}, "prompts: section 'confirm' is missing or empty"),
    ({"endings": ["e"]}, "prompts: no section 'endings'; did you mean 'ending'?"),
    ({"xyz": 1}, "prompts: no section 'xyz'"),
    ({"solve": ["a"]}, "prompts: solve must be a mapping of names"),
    ({"solve": {1: {"user": "{question}"}}}, "prompts: solve must be a mapping of names"),
    ({"solve__first": "{question}"}, "prompts: solve.first must be a mapping of names"),
    ({"solve__first": {}}, "prompts: solve.first.user must be a text"),
    ({"solve__first__user": "Q"}, "prompts: solve.first.user must hold {question}"),
    (
        {"solve__second__system": "bee"},
        "prompts: solve.second.system names 'bee', which section 'system' lacks; did you mean 'be'?",
    ),
    (
        {"solve__second__system": ["be"]},
        "prompts: solve.second.system names ['be'], which section 'system' lacks; there are be",
    ),
    (
        {"solve__second__system": "xyz"},
        "prompts: solve.second.system names 'xyz', which section 'system' lacks; there are be",
    ),
    ({"solve__second__sytem": "be"}, "prompts: solve.second.sytem: no such key; did you mean 'system'?"),
    ({"solve__second__xyz": "be"}, "prompts: solve.second.xyz: no such key; there are system, user"),
    (
        {"solve__first__user": "{question} {answer_typ}"},
        "prompts: solve.first.user has {answer_typ}, which nothing fills; did you mean {answer_type}?",
    ),
    (
        {"solve__first__user": "{ question } {answer_type}"},
        "prompts: solve.first.user has { question }, which nothing fills; did you mean {question}?",
    ),
    (
        {"solve__first__user": "{Question} {answer_type}"},
        "prompts: solve.first.user has {Question}, which nothing fills; did you mean {question}?",
    ),
    (
        {"solve__first__user": "{question} {attempt}"},
        "prompts: solve.first.user has {attempt}, which nothing fills; it takes {question}, {answer_type}",
    ),
    ({"system__be": 3}, "prompts: system.be must be a text"),
    ({"system__unused": ""}, "prompts: system.unused must be a text"),
    (
        {"system__be": "Be {answer}."},
        "prompts: system.be has {answer}, which nothing fills; did you mean {answer_type}?",
    ),
    ({"system": "Be brief."}, "prompts: system must be a mapping of names"),
    ({"hint": "H"}, "prompts: hint must hold {answer}"),
    ({"hint": "H {answer}"}, "prompts: hint must say the word 'hint', by which attempts that speak of it are found"),
    ({"hint": 3}, "prompts: hint must be a text"),
    ({"hint": "Hint {answer} {question}"}, "prompts: hint has {question}, which nothing fills; it takes {answer}"),
    ({"reflect": "R"}, "prompts: reflect must be a mapping of names"),
    ({"reflect__default": "R {question}"}, "prompts: reflect.default must hold {attempt}"),
    ({"reflect__default": "R {attempt}"}, "prompts: reflect.default must hold {question}"),
    (
        {"reflect__default": "R {question} {attempt} {answer_type}"},
        "prompts: reflect.default has {answer_type}, which nothing fills; it takes {question}, {attempt}",
    ),
    (
        {"reflect__default": "R {question} {attempts}"},
        "prompts: reflect.default has {attempts}, which nothing fills; did you mean {attempt}?",
    ),
    ({"skills": ["planning"]}, "prompts: skills must be a mapping of names"),
    ({"skill": {"planning": {"default": "x"}}}, "prompts: no section 'skill'; did you mean 'skills'?"),
    ({"skills": {"planning": "x"}}, "prompts: skills.planning must be a mapping of names"),
    ({"skills": {"planning": {"default": "x"}}}, "prompts: skills.planning.default must hold {question}"),
    (
        {"skills": {"planning": {"default": "{question} {atempt}"}}},
        "prompts: skills.planning.default has {atempt}, which nothing fills; did you mean {attempt}?",
    ),
    ({"glue__corect": ["c"]}, "prompts: glue.corect: no such key; did you mean 'correct'?"),
    ({"glue__generic": ["g", "No {answer}"]}, "prompts: glue.generic[1] has {answer}, but phrases are not filled"),
    ({"glue": ["g"]}, "prompts: glue must be a mapping of names"),
    ({"glue__correct": ...}, "prompts: glue.correct must be a list of phrases"),
    ({"glue__correct": "one"}, "prompts: glue.correct must be a list of phrases"),
    ({"ending": ["e", " "]}, "prompts: ending must be a list of phrases"),
    ({"ending": ["e", 3]}, "prompts: ending must be a list of phrases"),
    (
        {"glue__generic": ["Again.</think>"]},
        "prompts: glue.generic has a phrase with a tag of the trace grammar: 'Again.</think>'",
    ),
    (
        {"ending": ["So <answer>"]},
        "prompts: ending has a phrase with a tag of the trace grammar: 'So <answer>'",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=lambda x: str(x)[:40])
def test_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = own(tmp_path, **changes)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared below
        load(str(path))
    assert str(caught.value) == message


def test_braces_that_are_no_placeholder_stay(tmp_path: Path) -> None:
    text = r"{question} as \boxed {answer}, \frac{x^{2}}{y}, ${HOME}, {{x}}, {}, {1, 2} or " + '{"answer": 5}'
    words = load(str(own(tmp_path, solve__first__user=text)))
    assert words.question("Q", "T") == [{"role": "user", "content": text.replace("{question}", "Q")}]


@pytest.mark.parametrize(
    ("line", "key"),
    [("ending: [again]", "ending"), ("glue: {generic: [a], generic: [b], correct: [c], incorrect: [i]}", "glue")],
)
def test_a_key_twice_is_no_last_word(tmp_path: Path, line: str, key: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"{OWN}{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=f"^prompts: {key} appears more than once in {path}$"):
        load(str(path))


def test_a_name_twice_in_a_section_is_named_by_its_full_key(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace("  second:", "  first:"), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"^prompts: solve\.first appears more than once in {path}$"):
        load(str(path))


MERGED = """
solve:
  first: &first {system: be, user: "{question} a"}
  second: {<<: *first, user: "{question} b"}
"""


def test_a_merged_key_can_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(MERGED + OWN[OWN.index("system: {be") :], encoding="utf-8")
    assert load(str(path)).solve == {"first": ("Be brief.", "{question} a"), "second": ("Be brief.", "{question} b")}


def conversations(source: str) -> list[list[dict[str, str]]]:
    """All that a prompts file says, to a question, an attempt and a hint that hold braces themselves."""
    words, question = load(source), "Make {answer} from {3, 5}: \\frac{x}{y}."
    said = [words.attempt(v, question, "the {attempt}", hint) for v in words.solve for hint in (None, "{answer_type}")]
    said += [words.reflection(v, question, "3 + {question}") for v in words.reflect]
    return [*said, words.question(question, "the number"), words.question(question, "the number", complete=True)]


@pytest.mark.parametrize(("source", "digest"), [("default", "18175bb808519166"), ("paper", "f8a47d7d9f735e7f")])
def test_what_is_said_to_a_model_keeps_every_byte(source: str, digest: str) -> None:
    # The models that users have trained were asked in these words.
    assert hashlib.sha256(json.dumps(conversations(source)).encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("defualt", "; did you mean 'default'?"),
        ("", ""),
        ("/", ""),
        ("no/such/file.yaml", ""),
        ("default.yaml", "; did you mean 'default'?"),
        ("..", ""),
    ],
)
def test_no_such_file(source: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'prompts: no file {source!r}{hint}')}$"):
        load(source)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable package ``prompts_lab`` that holds a prompts file."""
    package = tmp_path / "prompts_lab"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "words.yaml").write_bytes(DEFAULT.read_bytes())
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package
    sys.modules.pop("prompts_lab", None)


def test_a_file_of_a_package(lab: Path) -> None:
    assert load("prompts_lab:words.yaml") == load()
    (lab / "words.yaml").write_text("[1]")
    with pytest.raises(ValueError, match=rf"^prompts: {re.escape(str(lab / 'words.yaml'))} must be a mapping of names"):
        load("prompts_lab:words.yaml")
    with pytest.raises(
        ValueError,
        match=r"^prompts: package prompts_lab has no file 'word\.yaml'; did you mean 'words\.yaml'\?$",
    ):
        load("prompts_lab:word.yaml")


def test_a_file_here_comes_before_a_package_of_that_name(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts_lab:words.yaml").write_text("3")
    with pytest.raises(ValueError, match=r"^prompts: prompts_lab:words\.yaml must be a mapping of names"):
        load("prompts_lab:words.yaml")


@pytest.mark.parametrize("content", ["[1, 2]", "", "text", "3"])
def test_not_a_mapping(tmp_path: Path, content: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match=f"^prompts: {path} must be a mapping of names$"):
        load(str(path))


@pytest.mark.parametrize("content", [b"a: [", b"a: 'x", b"\x00", b"\xff\xff"])
def test_not_yaml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^prompts: {path} is not YAML: "):
        load(str(path))
