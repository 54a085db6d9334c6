"""Known errors end with a message, unknown ones with a traceback."""

import pytest

from sfray.errors import reported
from sfray.prompts import load


def test_an_error_that_sfray_raised_ends_with_its_message(capsys):
    with pytest.raises(SystemExit) as caught, reported():
        load("no/such/file.yaml")
    assert caught.value.code == 1
    assert capsys.readouterr().err == "ValueError\nprompts: no file 'no/such/file.yaml'\n"


def test_an_error_from_elsewhere_keeps_its_traceback():
    with pytest.raises(ValueError, match="invalid literal"), reported():
        int("x")


def test_nothing_happens_without_an_error(capsys):
    with reported():
        pass
    assert capsys.readouterr() == ("", "")
