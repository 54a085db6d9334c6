"""Known errors end with a message, unknown ones with a traceback."""

import pytest

from sfray.errors import reported, with_causes
from sfray.files import replacing
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


def test_a_path_that_the_system_refuses_ends_with_its_message(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit), reported(), replacing(tmp_path / "file" / "below"):
        pass
    assert capsys.readouterr().err == f"FileExistsError\n[Errno 17] File exists: '{tmp_path}/file'\n"


def test_the_causes_of_an_error_are_shown_once_each():
    error = ValueError("it failed")
    error.__cause__ = RuntimeError("it failed")
    error.__cause__.__cause__ = KeyError()
    assert with_causes(error) == "it failed; because: KeyError"
