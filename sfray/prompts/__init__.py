"""The words sfray says to a model, from YAML (``default.yaml`` or the file of ``prompts=PATH``)."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sfray.grammar import STRUCTURAL_TAG

Message = dict[str, str]
"""One chat turn: ``{"role": …, "content": …}``."""

_SECTIONS = ("solve", "system", "hint", "reflect", "glue", "ending", "backtrack", "confirm")
_GLUE = ("generic", "correct", "incorrect")
HINT_WORD = re.compile(r"\bhint(?:s|ed|ing)?\b", re.IGNORECASE)
"""What a hinted attempt must not say (paper section 3)."""

_ANSWER_TAG = re.compile(r"</?\s*(?:answer|verdict)\s*>", re.IGNORECASE)


@dataclass(frozen=True)
class Prompts:
    """A prompts file, checked.

    Attributes:
        solve: Variant name -> (system prompt or None, user template).
        hint: Template appended to the user turn of a hinted twin.
        reflect: Variant name -> user template.
        glue: ``generic``, ``correct``, ``incorrect`` phrases.
        ending: Phrases between the thinking and the answer.
        digest: Hash of the file, for manifests.
    """

    solve: Mapping[str, tuple[str | None, str]]
    hint: str
    reflect: Mapping[str, str]
    glue: Mapping[str, tuple[str, ...]]
    ending: tuple[str, ...]
    backtrack: tuple[str, ...]
    confirm: tuple[str, ...]
    digest: str

    def attempt(self, variant: str, question: str, answer_type: str, hint: str | None = None) -> list[Message]:
        """The conversation that asks for one attempt; with ``hint`` its rationalization twin."""
        system, user = self.solve[variant]
        text = fill(user, question=question, answer_type=answer_type)
        if hint is not None:
            text = f"{text}\n\n{fill(self.hint, answer=hint)}"
        return ([{"role": "system", "content": system}] if system else []) + [{"role": "user", "content": text}]

    def reflection(self, variant: str, question: str, attempt: str) -> list[Message]:
        """The conversation that asks for a reflection on an attempt."""
        return [{"role": "user", "content": fill(self.reflect[variant], question=question, attempt=attempt)}]

    def question(self, question: str, answer_type: str) -> list[Message]:
        """The user turn of SFT, GRPO and evaluation: the first solve variant, without a system prompt."""
        _, user = next(iter(self.solve.values()))
        return [{"role": "user", "content": fill(user, question=question, answer_type=answer_type)}]


def fill(template: str, **values: str) -> str:
    """Puts values in place of ``{name}``; braces inside the values are left alone."""
    parts = template.split("{")
    text = parts[0]
    for part in parts[1:]:
        name, closed, rest = part.partition("}")
        text += values[name] + rest if closed and name in values else "{" + part
    return text


def load(source: str = "default") -> Prompts:
    """Loads a prompts file.

    Args:
        source: The name of a file beside this one (``default``), or a path to a YAML file.

    Raises:
        ValueError: The file is missing or no YAML, or a section or placeholder is, by full key.
    """
    named = Path(__file__).parent / f"{source}.yaml"
    path = named if Path(source).name == source and named.is_file() else Path(source)
    if not path.is_file():
        raise ValueError(f"prompts: no file {source!r}")
    content = path.read_bytes()
    try:
        raw = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ValueError(f"prompts: {path} is not YAML: {error}") from error
    return _checked(_mapping(raw, str(path)), hashlib.sha256(content).hexdigest()[:16])


def _checked(raw: Mapping[str, Any], digest: str) -> Prompts:
    for key in raw:
        if key not in _SECTIONS:
            close = difflib.get_close_matches(key, _SECTIONS, n=1)
            raise ValueError(f"prompts: no section {key!r}{f'; did you mean {close[0]!r}?' if close else ''}")
    for key in _SECTIONS:
        if not raw.get(key):
            raise ValueError(f"prompts: section {key!r} is missing or empty")
    system = _mapping(raw["system"], "system")
    reflect = _mapping(raw["reflect"], "reflect")
    for name, text in reflect.items():
        _needs(text, ("{question}", "{attempt}"), f"reflect.{name}")
    _needs(raw["hint"], ("{answer}",), "hint")
    if not HINT_WORD.search(raw["hint"]):
        raise ValueError("prompts: hint must say the word 'hint', by which attempts that speak of it are found")
    glue = _mapping(raw["glue"], "glue")
    return Prompts(
        solve={n: _variant(n, e, system) for n, e in _mapping(raw["solve"], "solve").items()},
        hint=raw["hint"],
        reflect=reflect,
        glue={k: _phrases(glue.get(k), f"glue.{k}") for k in _GLUE},
        ending=_phrases(raw["ending"], "ending"),
        backtrack=_phrases(raw["backtrack"], "backtrack"),
        confirm=_phrases(raw["confirm"], "confirm"),
        digest=digest,
    )


def _variant(name: str, entry: object, systems: Mapping[str, Any]) -> tuple[str | None, str]:
    """One entry of ``solve``: its system prompt and its user template."""
    key = f"solve.{name}"
    fields = _mapping(entry, key)
    user = fields.get("user")
    _needs(user, ("{question}",), f"{key}.user")
    chosen = fields.get("system")
    if chosen is None:
        return None, str(user)
    if chosen not in systems:
        raise ValueError(f"prompts: {key}.system names {chosen!r}, which section 'system' lacks")
    _needs(systems[chosen], (), f"system.{chosen}")
    return systems[chosen], str(user)


def _mapping(value: object, key: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(k, str) for k in value):
        raise ValueError(f"prompts: {key} must be a mapping of names")
    return value


def _needs(text: object, placeholders: tuple[str, ...], key: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"prompts: {key} must be a text")
    for placeholder in placeholders:
        if placeholder not in text:
            raise ValueError(f"prompts: {key} must hold {placeholder}")


def _phrases(value: object, key: str) -> tuple[str, ...]:
    """Phrases of traces. A tag in one would break the grammar of every trace that draws it."""
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v.strip() for v in value):
        raise ValueError(f"prompts: {key} must be a list of phrases")
    for phrase in value:
        if STRUCTURAL_TAG.search(phrase) or _ANSWER_TAG.search(phrase):
            raise ValueError(f"prompts: {key} has a phrase with a tag of the trace grammar: {phrase!r}")
    return tuple(value)
