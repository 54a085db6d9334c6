"""The words sfray says to a model, from YAML (``default.yaml`` or the file that ``prompts=`` names)."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sfray import plugins
from sfray.grammar import STRUCTURAL_TAG
from sfray.io.userfiles import located, read_utf8
from sfray.names import closest, suggestion
from sfray.prompts.wording import Wording, fill

__all__ = ["HINT_WORD", "Message", "Prompts", "fill", "load"]

Message = dict[str, str]
"""One chat turn: ``{"role": …, "content": …}``."""

_SECTIONS = ("solve", "system", "hint", "reflect", "glue", "ending", "backtrack", "confirm")
_LIKE = "like"
"""Names another prompts file, whose sections hold where this one has none."""
_SKILLS = "skills"
"""The one section that a file may do without: skills can bring a wording of their own."""
_GLUE = ("generic", "correct", "incorrect")
_ASKING = ("question", "answer_type")
_REFLECTING = ("question", "attempt")
_SHOWING = ("question", "answer_type", "attempt")
HINT_WORD = re.compile(r"\bhint(?:s|ed|ing)?\b", re.IGNORECASE)
"""What a hinted attempt must not say (paper section 3)."""

_ANSWER_TAG = re.compile(r"</?\s*(?:answer|verdict)\s*>", re.IGNORECASE)


@dataclass(frozen=True)
class Prompts:
    """A prompts file, checked.

    Attributes:
        solve: Variant name -> (system template or None, user template).
        hint: Template appended to the user turn of a hinted twin.
        reflect: Variant name -> user template.
        skills: Skill -> variant name -> user template, for the segments of the other skills.
        glue: ``generic``, ``correct``, ``incorrect`` phrases.
        ending: Phrases between the thinking and the answer.
        digest: Hash of the file and of the one that it is like, for manifests.
    """

    solve: Mapping[str, tuple[str | None, str]]
    hint: str
    reflect: Mapping[str, str]
    glue: Mapping[str, tuple[str, ...]]
    ending: tuple[str, ...]
    backtrack: tuple[str, ...]
    confirm: tuple[str, ...]
    digest: str
    skills: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def attempt(self, variant: str, question: str, answer_type: str, hint: str | None = None) -> list[Message]:
        """The conversation that asks for one attempt; with ``hint`` its rationalization twin."""
        values = {"question": question, "answer_type": answer_type}
        system, user = self.solve[variant]
        text = fill(user, **values)
        if hint is not None:
            text = f"{text}\n\n{fill(self.hint, answer=hint)}"
        before = [{"role": "system", "content": fill(system, **values)}] if system else []
        return [*before, {"role": "user", "content": text}]

    def reflection(self, variant: str, question: str, attempt: str) -> list[Message]:
        """The conversation that asks for a reflection on an attempt."""
        return [{"role": "user", "content": fill(self.reflect[variant], question=question, attempt=attempt)}]

    def wording(self, skill: str, variant: str, own: str = "") -> str:
        """The template that asks for a segment.

        Args:
            skill: The skill, by its name in configs.
            variant: The wording wanted.
            own: The skill's own wording, for a file that says nothing of the skill.

        Raises:
            ValueError: Nobody has such a wording; names the nearest there is.
        """
        there = self.skills.get(skill) or ({"default": own} if own else {})
        if not there:
            raise ValueError(f"prompts: skills.{skill} is missing: write there how to ask for a segment of {skill}")
        if variant not in there:
            raise ValueError(f"prompts: skills.{skill} has no variant {variant!r}{suggestion(variant, there)}")
        return there[variant]

    def question(self, question: str, answer_type: str, complete: bool = False) -> list[Message]:
        """The user turn of SFT, GRPO and evaluation: the first solve variant, without a system prompt.

        A question that is ``complete`` is the user turn as it is.
        """
        if complete:
            return [{"role": "user", "content": question}]
        _, user = next(iter(self.solve.values()))
        return [{"role": "user", "content": fill(user, question=question, answer_type=answer_type)}]


def load(source: str = "default") -> Prompts:
    """Loads a prompts file.

    Args:
        source: The name of a file beside this one (``default``), a path to a YAML file, or
            ``package:file.yaml`` for one inside a package.

    Raises:
        ValueError: The file is missing or no YAML, or a section or placeholder is, by full key.
    """
    sections, digest = _read(source, ())
    return _checked(sections, digest)


def _read(source: str, before: tuple[Path, ...]) -> tuple[dict[str, Any], str]:
    """The sections of a prompts file over those of the file that it is like, and the digest of both.

    Args:
        source: As :func:`load` takes it.
        before: The files that are like this one.
    """
    path = _found(source)
    if path in before:
        raise ValueError(f"prompts: {path} is like itself")
    try:
        text = read_utf8(path)
    except ValueError as error:
        raise ValueError(f"prompts: {path} is not YAML: {str(error).removeprefix(f'{path}: ')}") from error
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        repeated = list(_repeated(node))  # before construction, which writes what << merges into the node
        raw = loader.construct_document(node) if node else None
    except yaml.YAMLError as error:
        raise ValueError(f"prompts: {path} is not YAML: {error}") from error
    for key in repeated:
        raise ValueError(f"prompts: {key} appears more than once in {path}")
    sections, digest = _mapping(raw, str(path)), hashlib.sha256(path.read_bytes())
    if (other := sections.pop(_LIKE, None)) is not None:
        if not isinstance(other, str):
            raise ValueError(f"prompts: {_LIKE} must name a prompts file, got {other!r}")
        inherited, theirs = _read(other, (*before, path))
        sections = {k: _over(inherited.get(k), sections.get(k)) for k in inherited | sections}
        digest.update(theirs.encode())
    return sections, digest.hexdigest()[:16]


def _over(inherited: Any, own: Any) -> Any:
    """A section over the one it inherits: entry by entry where both have names, else whole."""
    both = isinstance(inherited, dict) and isinstance(own, dict)
    return inherited | own if both else inherited if own is None else own


def _found(source: str) -> Path:
    """The file that ``prompts`` names; one that lies here comes before a package of that name."""
    named = Path(__file__).parent / f"{source}.yaml"
    if Path(source).name == source and named.is_file():
        return named
    path = located(source)
    if not path.exists() and plugins.is_packaged(source):
        return plugins.file("prompts", source)
    if not path.is_file():
        shipped = [p.stem for p in Path(__file__).parent.glob("*.yaml")]
        raise ValueError(f"prompts: no file {source!r}{closest(source, shipped)}")
    return path


def _repeated(node: yaml.Node | None, prefix: str = "") -> Iterator[str]:
    """The keys that appear more than once in a mapping, of which YAML silently takes the last."""
    if isinstance(node, yaml.MappingNode):
        names = [str(key.value) for key, _ in node.value]
        yield from (prefix + name for name in dict.fromkeys(names) if names.count(name) > 1)
        for name, (_, value) in zip(names, node.value, strict=True):
            yield from _repeated(value, f"{prefix}{name}.")


def _checked(raw: Mapping[str, Any], digest: str) -> Prompts:
    for key in raw:
        if key not in (*_SECTIONS, _SKILLS):
            close = difflib.get_close_matches(key, (*_SECTIONS, _SKILLS, _LIKE), n=1)
            raise ValueError(f"prompts: no section {key!r}{f'; did you mean {close[0]!r}?' if close else ''}")
    for key in _SECTIONS:
        if not raw.get(key):
            raise ValueError(f"prompts: section {key!r} is missing or empty")
    system = _templates(raw["system"], "system", _ASKING)
    hint = _template(raw["hint"], "hint", ("answer",), needs=("answer",))
    if not HINT_WORD.search(hint):
        raise ValueError("prompts: hint must say the word 'hint', by which attempts that speak of it are found")
    glue = _mapping(raw["glue"], "glue", _GLUE)
    return Prompts(
        solve={n: _variant(n, e, system) for n, e in _mapping(raw["solve"], "solve").items()},
        hint=hint,
        reflect=_templates(raw["reflect"], "reflect", _REFLECTING, needs=_REFLECTING),
        glue={k: _phrases(glue.get(k), f"glue.{k}") for k in _GLUE},
        ending=_phrases(raw["ending"], "ending"),
        backtrack=_phrases(raw["backtrack"], "backtrack"),
        confirm=_phrases(raw["confirm"], "confirm"),
        digest=digest,
        skills={
            name: _templates(variants, f"skills.{name}", _SHOWING, needs=("question",))
            for name, variants in _mapping(raw.get(_SKILLS) or {}, _SKILLS).items()
        },
    )


def _variant(name: str, entry: object, systems: Mapping[str, str]) -> tuple[str | None, str]:
    """One entry of ``solve``: its system template and its user template."""
    key = f"solve.{name}"
    fields = _mapping(entry, key, ("system", "user"))
    user = _template(fields.get("user"), f"{key}.user", _ASKING, needs=("question",))
    chosen = fields.get("system")
    if chosen is None:
        return None, user
    if not isinstance(chosen, str) or chosen not in systems:
        hint = suggestion(str(chosen), systems)
        raise ValueError(f"prompts: {key}.system names {chosen!r}, which section 'system' lacks{hint}")
    return systems[chosen], user


def _mapping(value: object, key: str, valid: Collection[str] | None = None) -> dict[str, Any]:
    """A mapping of names: any, or the valid ones."""
    if not isinstance(value, dict) or not all(isinstance(k, str) for k in value):
        raise ValueError(f"prompts: {key} must be a mapping of names")
    for name in value:
        if valid is not None and name not in valid:
            raise ValueError(f"prompts: {key}.{name}: no such key{suggestion(name, valid)}")
    return value


def _templates(value: object, key: str, takes: Collection[str], needs: Collection[str] = ()) -> dict[str, str]:
    return {name: _template(text, f"{key}.{name}", takes, needs) for name, text in _mapping(value, key).items()}


def _template(text: object, key: str, takes: Collection[str], needs: Collection[str] = ()) -> str:
    """A text whose placeholders are all filled, by values of the names it takes."""
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"prompts: {key} must be a text")
    wording = Wording(text)
    for written, name in wording.misspelt(takes):
        close = difflib.get_close_matches(name.lower(), takes, n=1)
        hint = f"did you mean {{{close[0]}}}?" if close else f"it takes {', '.join(f'{{{t}}}' for t in takes)}"
        raise ValueError(f"prompts: {key} has {written}, which nothing fills; {hint}")
    for name in needs:
        if name not in wording.get_identifiers():
            raise ValueError(f"prompts: {key} must hold {{{name}}}")
    return text


def _phrases(value: object, key: str) -> tuple[str, ...]:
    """Phrases of traces. A tag in one would break the grammar of every trace that draws it."""
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v.strip() for v in value):
        raise ValueError(f"prompts: {key} must be a list of phrases")
    for i, phrase in enumerate(value):
        if STRUCTURAL_TAG.search(phrase) or _ANSWER_TAG.search(phrase):
            raise ValueError(f"prompts: {key} has a phrase with a tag of the trace grammar: {phrase!r}")
        for written, _ in Wording(phrase).misspelt(()):
            raise ValueError(f"prompts: {key}[{i}] has {written}, but phrases are not filled")
    return tuple(value)
