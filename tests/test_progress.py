"""Bars in a log, where nobody watches them move."""

import pytest

from sfray.progress import Bar, clock


def test_a_log_gets_a_line_for_the_first_and_the_last_unit(capsys):
    with Bar("attempts", total=3, unit="shards") as bar:
        bar.advance("10 rows/s")
        bar.advance("11 rows/s")
        bar.advance("12 rows/s")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["attempts: 1/3 shards 0s 10 rows/s", "attempts: 3/3 shards 0s 12 rows/s"]


def test_update_sets_what_is_done():
    with Bar("grpo", total=5) as bar:
        bar.update(4)
        bar.advance()
        assert bar.done == 5


def test_a_resumed_bar_starts_where_the_work_is(capsys):
    with Bar("attempts", total=4, unit="shards", done=2) as bar:
        bar.advance()
        bar.advance()
    assert capsys.readouterr().out.splitlines() == ["attempts: 3/4 shards 0s ", "attempts: 4/4 shards 0s "]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.44, "0.4 s"), (42, "42 s"), (401, "6:41 min"), (7530, "2:05 h"), (59.9, "60 s")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text
