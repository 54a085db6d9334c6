"""Known errors end with a message, unknown ones with a traceback."""

import pytest

from sfray.cluster import NoCluster
from sfray.config.validation import ConfigError
from sfray.errors import FAILED, REFUSED, TRY_AGAIN, exit_status, reported, with_causes
from sfray.io.files import replacing
from sfray.prompts import load
from sfray.store.locks import RunLocked


def test_an_error_that_sfray_raised_ends_with_its_message(capsys):
    with pytest.raises(SystemExit) as caught, reported():
        load("no/such/file.yaml")
    assert caught.value.code == REFUSED == 2
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


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError(["sampel.n: no such key"]), REFUSED),
        (ValueError("prompts: no file"), REFUSED),
        (RuntimeError("a worker died"), FAILED),
        (OSError("no space left"), FAILED),
        (NoCluster("nothing answers"), TRY_AGAIN),
        (RunLocked("another driver"), TRY_AGAIN),
    ],
)
def test_the_exit_status_says_whether_another_try_may_help(error, status):
    assert exit_status(error) == status
    assert (FAILED, REFUSED, TRY_AGAIN) == (1, 2, 75)
