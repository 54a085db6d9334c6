"""Reasons: one list, and nothing is rejected for a reason outside it."""

from __future__ import annotations

import ast
from pathlib import Path

from sfray.grammar import VerdictError
from sfray.rejects import RejectReason

LIST = Path(__file__).parents[1] / "sfray" / "rejects.py"
SOURCES = sorted((Path(__file__).parents[1] / "sfray").rglob("*.py"))


def test_no_reject_is_built_with_a_bare_string() -> None:
    found = 0
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reject":
                found += 1
                given = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "reason")]
                assert not any(isinstance(n, ast.Constant) for g in given for n in ast.walk(g)), f"{path}:{node.lineno}"
    assert found >= 15


def test_a_verdict_that_does_not_count_is_a_reason() -> None:
    assert {RejectReason(error).value for error in VerdictError} == {
        "missing_verdict",
        "contradictory_verdict",
        "unreadable_verdict",
    }


def test_each_reason_says_what_it_means() -> None:
    (enum,) = [n for n in ast.parse(LIST.read_text()).body if isinstance(n, ast.ClassDef)]
    members = [n for n in enum.body if isinstance(n, ast.Assign)]
    documented = [
        a
        for a, b in zip(enum.body, enum.body[1:], strict=False)
        if isinstance(a, ast.Assign) and isinstance(b, ast.Expr) and isinstance(b.value, ast.Constant)
    ]
    assert len(documented) == len(members) == len(RejectReason)
