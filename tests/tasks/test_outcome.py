"""Reasons: which of them are judgements."""

from sfray.tasks.outcome import Reason


def test_only_what_could_not_be_judged_is_unjudged() -> None:
    assert {r for r in Reason if not r.judged} == {Reason.TIMEOUT, Reason.PARSE_ERROR}
