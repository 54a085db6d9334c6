"""The progress bar follows a file that others write."""

import pytest

from sfray.training.progress import following


def test_shows_the_latest_step(capsys):
    recorded = []
    with following("sft", 3, lambda: recorded, lambda line: f"loss {line['loss']}"):
        recorded += [{"step": 1, "loss": 9.5}, {"step": 2, "loss": 7.25}]
    shown = capsys.readouterr().out
    assert "2/3" in shown
    assert "loss 7.25" in shown


def test_each_new_step_is_told_once_and_steps_of_earlier_drivers_never():
    recorded, told, looks = [{"step": 1}], [], []
    with following("sft", 4, lambda: recorded, str, lambda line: told.append(line["step"]), lambda: looks.append(1)):
        recorded += [{"step": 2}, {"step": 3}]
    assert told == [2, 3]
    assert looks


def test_errors_pass_through():
    with pytest.raises(ValueError, match="inside"), following("sft", 1, list, str):
        raise ValueError("inside")
