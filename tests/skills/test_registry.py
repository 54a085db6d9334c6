"""Skills by name, those of other packages, and what is said of those that are none."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from sfray.skills.backtracking import Backtracking
from sfray.skills.decomposition import Decomposition
from sfray.skills.planning import Planning
from sfray.skills.reflection import Reflection
from sfray.skills.registry import SKILLS, problems, skill, skills, tags

CODE = """
from sfray.skills.planning import Planning
from sfray.skills.skill import Skill

class Hypothesis(Skill):
    tag = "hypothesis"
    def place(self, trace, at):
        return 0

class Untagged(Hypothesis):
    tag = "Not a tag"

class Thinking(Hypothesis):
    tag = "sample"

class About(Hypothesis):
    about = str

class Nowhere(Skill):
    tag = "nowhere"

class OtherPlan(Planning):
    pass

def helper(): ...
"""


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "skill_lab.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)


def test_each_name_leads_to_its_class() -> None:
    classes = {name: type(skill(name)) for name in SKILLS}
    assert classes == {
        "reflection": Reflection, "planning": Planning, "decomposition": Decomposition, "backtracking": Backtracking,
    }  # fmt: skip
    assert [skill(name).name for name in SKILLS] == list(SKILLS)


def test_a_skill_may_come_from_outside() -> None:
    one = skill("skill_lab:Hypothesis")
    assert (one.name, one.tag) == ("skill_lab:Hypothesis", "hypothesis")
    assert pickle.loads(pickle.dumps(skill("planning"))).name == "planning"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("planing", "segments.skill: no skill 'planing'; did you mean 'planning'?"),
        ("xyz", "segments.skill: no skill 'xyz'; there are reflection, planning, decomposition, backtracking"),
        ("skill_lab:Hypothesi", "segments.skill: module skill_lab has no 'Hypothesi'; did you mean 'Hypothesis'?"),
        (
            "skill_lab:helper",
            "segments.skill: skill_lab:helper must be a class derived from sfray.skills.skill.Skill, not a function",
        ),
        ("skill_lab:Nowhere", "segments.skill: skill_lab:Nowhere does not define place"),
        (
            "skill_lab:Untagged",
            "segments.skill: skill_lab:Untagged: tag: 'Not a tag' must be a word in lower case, such as 'plan'",
        ),
        (
            "skill_lab:Thinking",
            "segments.skill: skill_lab:Thinking: tag: 'sample' has a meaning in every trace already; choose another",
        ),
        (
            "skill_lab:About",
            "segments.skill: skill_lab:About: about: <class 'str'> must be Question or Attempt",
        ),
    ],
)
def test_what_is_no_skill_is_refused_by_key(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        skill(name, "segments.skill")


def test_two_skills_with_one_tag_are_refused() -> None:
    message = "results.skills: skill_lab:OtherPlan and planning both have the tag <plan>; rename one"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        skills(["planning", "skill_lab:OtherPlan"], "results.skills")
    assert list(problems(["planning", "skill_lab:OtherPlan"], "results.skills")) == [message]
    assert list(problems(["planning", "planning", "backtracking"], "results.skills")) == []


def test_tags_of_declared_skills() -> None:
    assert tags({}) == {"attempt": "sample", "reflection": "reflect"}
    assert tags(skills(["reflection", "planning", "backtracking"])) == {
        "attempt": "sample", "reflection": "reflect", "planning": "plan", "backtracking": "backtrack",
    }  # fmt: skip


def test_a_skill_is_a_short_file() -> None:
    for path in map(Path, (__import__(t.partition(":")[0], fromlist=["x"]).__file__ for t in SKILLS.values())):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 50, path
