import json
from pathlib import Path

import pytest

from benchmarks.compare import Mismatch, lines, main, read
from benchmarks.result import KEYS, result


def made(**figures):
    return result("sampling", figures, {"shards": 12})


def written(folder, name, value):
    file = folder / name
    file.write_text(json.dumps(value))
    return str(file)


def test_a_result_is_flat_and_knows_its_settings():
    found = result("sft", {"repeats": 3, "speed": {"plain": {"mean": 2.5}}, "pool": [{"ms": 1}], "worst": "a text"})
    assert tuple(found) == KEYS
    assert found["settings"] == {"repeats": 3}
    assert found["figures"] == {"speed.plain.mean": 2.5, "pool.0.ms": 1}
    assert found["hardware"]["cores"] > 0


def test_a_result_without_a_number_is_refused():
    with pytest.raises(ValueError, match="measured nothing"):
        result("sft", {"repeats": 3, "worst": "a text", "ok": True})


@pytest.mark.parametrize(
    ("new", "status"),
    [
        ({"tokens_per_second": 91.0, "wall_seconds": 10.9}, 0),
        ({"tokens_per_second": 89.0, "wall_seconds": 10.0}, 1),
        ({"tokens_per_second": 100.0, "wall_seconds": 11.2}, 1),
        ({"tokens_per_second": 300.0, "wall_seconds": 1.0}, 0),
    ],
)
def test_slower_by_more_than_the_tolerance_fails(tmp_path, capsys, new, status):
    baseline = written(tmp_path, "old.json", made(tokens_per_second=100.0, wall_seconds=10.0))
    assert main([written(tmp_path, "new.json", made(**new)), baseline, "--tolerance", "0.1"]) == status
    assert ("SLOWER" in capsys.readouterr().out) == bool(status)


def test_only_what_the_baseline_names_is_compared():
    found = lines(made(speed=50.0, std=9.0), made(speed=100.0, std=1.0) | {"compare": ["speed"]})
    assert [(line.name, line.worse) for line in found] == [("speed", 0.5)]


@pytest.mark.parametrize(
    ("new", "old", "said"),
    [
        (made(a=1.0), made(a=1.0, b=1.0), "new: lacks b"),
        (made(a=1.0, b=1.0), made(a=1.0), "baseline: lacks b"),
        (made(a=1.0), made(a=1.0) | {"figures": {}}, "baseline: holds no figure"),
        (made(a=1.0), {}, "baseline: no result of a benchmark: benchmark"),
        (made(a=1.0), made(a=1.0) | {"benchmark": "sft"}, "benchmark: 'sampling' in the new result, 'sft'"),
        (made(a=1.0), made(a=1.0) | {"settings": {"shards": 4}}, "settings: "),
        (made(a=1.0), made(a=0.0), "nothing to compare with"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, capsys, new, old, said):
    with pytest.raises(Mismatch, match=said):
        lines(new, old)
    assert main([written(tmp_path, "new.json", new), written(tmp_path, "old.json", old)]) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_no_result_is_refused(tmp_path, capsys):
    good = written(tmp_path, "good.json", made(a=1.0))
    assert main([written(tmp_path, "list.json", [1]), good]) == 2
    assert main([str(tmp_path / "none.json"), good]) == 2
    assert "none.json" in capsys.readouterr().err


def test_the_baselines_are_results_that_can_be_compared():
    files = sorted((Path(__file__).parents[2] / "benchmarks" / "baselines").glob("*.json"))
    assert files
    for file in files:
        baseline = read(file)
        assert file.stem == baseline["benchmark"]
        assert baseline["commit"]
        assert not baseline["commit"].endswith("+")
        assert all(line.worse == 0 for line in lines(baseline, baseline))
