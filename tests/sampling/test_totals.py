"""Totals over parts."""

from sfray.io.arrow import to_table
from sfray.records import Attempt
from sfray.sampling.totals import totals
from tests.sampling.rows import attempt, stage


def test_totals_add_up_over_parts(tmp_path):
    made = stage(tmp_path, "attempts")
    assert totals(made, ("correct",)) == {"rows": 0, "tokens": 0, "truncated": 0, "correct": 0}
    made.write_shard(0, to_table(Attempt, [attempt("abc", True, "x"), attempt("de", False, None, "length")]))
    made.write_shard(1, to_table(Attempt, []))
    made.write_shard(2, to_table(Attempt, [attempt("fghi", True, "x")]))
    assert totals(made, ("correct",)) == {"rows": 3, "tokens": 9, "truncated": 1, "correct": 2}
