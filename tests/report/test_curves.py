import xml.etree.ElementTree as ET

import pytest

from sfray.report import curves

_TOKENS = [10, 20, 30]
_CURVE = {"mean": [0.0, 0.1, 0.3], "low": [0.0, 0.05, 0.2], "high": [0.0, 0.2, 0.4]}


def _curves(names, groups):
    return {name: dict.fromkeys(groups, _CURVE) for name in names}


@pytest.mark.parametrize("groups", [["countdown-3"], ["countdown-3", "countdown-4", "overall"]])
def test_a_panel_for_each_group_a_line_and_a_band_for_each_model(groups):
    figure = curves.draw(_TOKENS, _curves("abc", groups), 0.95)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    titles = ["average of all" if g == "overall" else g for g in groups]
    assert [axes.get_title(loc="left") for axes in panels] == titles
    for axes in panels:
        assert [line.get_label() for line in axes.get_lines()] == ["a", "b", "c"]
        assert [list(line.get_ydata()) for line in axes.get_lines()] == [
            [0, 0, pytest.approx(10), pytest.approx(30)]
        ] * 3
        assert len(axes.collections) == 3
    assert len({line.get_color() for line in panels[0].get_lines()}) == 3


def test_both_files_are_written_alike_every_time(tmp_path):
    for folder in (tmp_path / "one", tmp_path / "two"):
        curves.write(folder, _TOKENS, _curves(["rl_only"], ["countdown-3"]), 0.9)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("one", "two"))
    assert set(one) == {"budget.svg", "budget.png"}
    assert one == two
    assert one["budget.png"].startswith(b"\x89PNG")
    svg = one["budget.svg"].decode()
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert "rl_only" in svg
    assert "90 % intervals" in svg
