import pytest

from sfray.report import waterfall
from sfray.store.profile import Part, Profile

PROFILE = Profile(
    (
        Part("driver", "driver", 0.0, 4.0),
        Part("attempts", "ray", 4.0, 3.0),
        Part("attempts", "engine", 7.0, 8.0),
        Part("attempts", "work", 15.0, 45.0),
        Part("old", "unsplit", 60.0, 30.0),
    )
)


def test_the_waterfall_names_steps_and_kinds_in_the_pages_colours():
    drawn = waterfall.svg(PROFILE)
    assert drawn.startswith("<svg")
    for text in ("driver", "attempts", "old", "ray", "engine load", "work", "not split", "minutes"):
        assert f">{text}<" in drawn
    assert ">export<" not in drawn
    assert "var(--model-2)" in drawn
    assert drawn == waterfall.svg(PROFILE)


@pytest.mark.parametrize(("name", "begins"), [("w.png", b"\x89PNG"), ("w.svg", b"<?xml"), ("w.pdf", b"%PDF")])
def test_the_waterfall_is_a_picture_too(tmp_path, name, begins):
    waterfall.write(PROFILE, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)
