"""The pages: each is in the navigation, every link leads somewhere, and the code they show is the examples' own."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sfray.config.data import ReflectConfig, SampleConfig
from sfray.config.evaluation import EvaluateConfig
from sfray.config.training import GrpoConfig, LoraConfig, RolloutConfig, SftConfig

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md"), *(ROOT / "examples").rglob("*.md"), *ROOT.glob("cluster/*.md")])
LAB = ROOT / "examples" / "my_lab" / "my_lab"

FENCE = re.compile(r"^```.*?^```", re.M | re.S)
CODE = re.compile(r"`[^`]*`")
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """A page without its code."""
    return CODE.sub("``", FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    heads = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def links(page: Path) -> Iterator[str]:
    """Where the links of a page lead, those to the web apart."""
    yield from (target for target in LINK.findall(prose(page)) if not re.match(r"\w+:", target))


def toctrees() -> list[str]:
    """The pages that the site's navigation lists, in order."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    entries = [
        line.strip()
        for block in re.findall(r"^```\{toctree\}(.*?)^```", index, re.M | re.S)
        for line in block.split("\n")
    ]
    return [entry.partition("<")[2].rstrip(">") or entry for entry in entries if entry and not entry.startswith(":")]


def test_the_navigation_lists_every_page_once() -> None:
    listed = toctrees()
    assert sorted(listed) == sorted(["api/sfray/index", *(p.stem for p in DOCS.glob("*.md") if p.stem != "index")])


def test_the_index_links_every_page() -> None:
    linked = {Path(target).stem for target in links(DOCS / "index.md")}
    assert linked == {p.stem for p in DOCS.glob("*.md")} - {"index"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}"
        assert ROOT in file.parents, f"{page.name} links out of the repository: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda p: p.name)
def test_a_page_of_the_site_links_to_pages_of_the_site_alone(page: Path) -> None:
    assert [target for target in links(page) if target.startswith(("../", "/"))] == []


def test_the_architecture_speaks_of_every_module_at_the_top() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    places = [p.name for p in (ROOT / "sfray").iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()]
    assert [p for p in places if not re.search(rf"`(?:sfray/)?{re.escape(p)}/?`", text) and p != "__init__.py"] == []


def blocks(page: str, language: str) -> list[str]:
    """The code of a page in one language."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@pytest.mark.parametrize(
    ("page", "language", "file"),
    [
        ("new_task.md", "python", "tasks.py"),
        ("new_task.md", "yaml", "conf/task/addition.yaml"),
        ("new_recipe.md", "python", "recipes.py"),
        ("new_recipe.md", "yaml", "conf/trace/mistakes_first.yaml"),
        ("new_skill.md", "python", "skills.py"),
        ("new_stage.md", "python", "stages.py"),
        ("new_method.md", "yaml", "conf/method/doubt.yaml"),
        ("new_method.md", "yaml", "../../../conf/method/star.yaml"),
    ],
)
def test_the_code_of_a_page_is_the_examples_own(page: str, language: str, file: str) -> None:
    assert (LAB / file).read_text(encoding="utf-8") in blocks(page, language)


def test_the_wording_of_a_page_is_the_examples_own() -> None:
    wording = blocks("new_skill.md", "yaml")[0]
    assert f"\n{wording}\n" in (LAB / "prompts.yaml").read_text(encoding="utf-8")


def test_every_promise_is_held_by_a_test() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (DOCS / "guarantees.md").read_text(encoding="utf-8"))
    assert len(named) >= 15
    missing = [
        f"{file}::{test}" for file, test in named if f"def {test}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert missing == []


NESTED = {"rollout": RolloutConfig, "lora": LoraConfig}
"""Groups within a group of settings."""


def preset(group: str, name: str) -> dict[str, Any]:
    """A file of ``conf`` with what it is based on; keys of a group within are dotted."""
    held = yaml.safe_load((ROOT / "conf" / group / f"{name}.yaml").read_text(encoding="utf-8"))
    merged: dict[str, Any] = {}
    for base in held.pop("defaults", ()):
        merged |= preset(group, base) if base != "_self_" else {}
    nested = {f"{name}.{k}": v for name in NESTED for k, v in held.pop(name, {}).items()}
    return merged | held | nested


def written(value: Any) -> str:
    """A value as a table says it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        return " and ".join(f"{k} {written(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list):
        return " and ".join(map(written, value)) or "none"
    if value is None:
        return "none"
    return str(value) if isinstance(value, str | int) else f"{value:g}".replace("e-0", "e-")


def settings(page: str, group: str, names: list[str]) -> dict[str, list[str]]:
    """Key -> its value in each preset, as the table of a page with these presets as columns says it."""
    (table,) = [
        table
        for table in re.findall(r"(?:^\|.*\n)+", (DOCS / page).read_text(encoding="utf-8"), re.M)
        if all(f"| `{group}={name}` |" in table.partition("\n")[0] for name in names)
    ]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.strip().split("\n")]
    places = [head.index(f"`{group}={name}`") for name in names]
    found = {}
    for row in rows:
        keys = re.findall(r"`([\w.]+)`", row[0])
        cells = [row[place].replace("`", "").split(", ") for place in places]
        found |= {key: [cell[i] for cell in cells] for i, key in enumerate(keys)}
    return found


@pytest.mark.parametrize(
    ("page", "group", "names", "fields"),
    [
        ("training.md", "sft", ["paper", "release"], SftConfig),
        ("training.md", "grpo", ["paper"], GrpoConfig),
        ("sampling.md", "sample", ["paper", "openthoughts"], SampleConfig),
        ("sampling.md", "reflect", ["paper", "openthoughts"], ReflectConfig),
        ("sampling.md", "evaluate", ["paper", "paper34"], EvaluateConfig),
    ],
)
def test_the_tables_of_settings_have_every_key_as_it_is(page: str, group: str, names: list[str], fields: type) -> None:
    keys = {f.name for f in dataclasses.fields(fields)}
    for name in keys & NESTED.keys():
        keys = keys - {name} | {f"{name}.{f.name}" for f in dataclasses.fields(NESTED[name])}
    presets = [preset(group, name) for name in names]
    assert settings(page, group, names) == {key: [written(p[key]) for p in presets] for key in keys}
