import json
from dataclasses import asdict, replace

import pytest

from sfray.compose import load
from sfray.config import EngineConfig
from sfray.costs import tuning
from sfray.costs.trial import Load, Measured, loads, rates, tokens_per_second
from sfray.io.files import write_json
from sfray.store.manifest import versions
from tests.costs.test_rates import ENTRY, RATES


def seconds(asked, true, seqs):
    """What loads would take with some rates."""
    return tuple(
        n.requests * n.prompt * true.prefill
        + n.requests * n.tokens / true.decode_speed(n.prompt + n.tokens / 2, min(n.requests, seqs))
        for n in asked
    )


def test_loads_fit_into_the_context():
    assert loads(256, 2048) == [Load(256, 32, 64), Load(64, 32, 512), Load(4, 32, 64), Load(32, 512, 1)]
    assert max(n.prompt + n.tokens for n in loads(1024, 600)) <= 600


def test_rates_are_found_again_from_what_they_make_of_the_loads():
    asked = loads(64, 2048)
    true = replace(RATES, prefill=2e-5, decode=8e-5, decode_context=4e-7, decode_step=2e-3)
    found = rates(asked, Measured(12.34, seconds(asked, true, 64)), 64, RATES)
    assert found.engine_start == 12.3
    for name in ("prefill", "decode", "decode_context", "decode_step"):
        assert getattr(found, name) == pytest.approx(getattr(true, name), rel=1e-3)
    assert (found.sft, found.grpo) == (RATES.sft, RATES.grpo)


def test_full_batches_rank_a_trial():
    assert tokens_per_second([Load(2, 1, 30), Load(1, 1, 40), Load(9, 1, 9)], Measured(1.0, (3.0, 2.0, 50.0))) == 20.0


def test_a_sweep_changes_one_setting_at_a_time():
    assert [e.max_num_seqs for e in tuning.trials(EngineConfig(max_num_seqs=256), gpus=0)] == [256, 64]
    assert tuning.trials(EngineConfig(max_num_seqs=64), gpus=0) == [EngineConfig(max_num_seqs=64)]
    one = tuning.trials(EngineConfig(device="cuda", max_num_seqs=1024, max_num_batched_tokens=16384), gpus=1)
    assert [tuple(tuning.varied(e).values()) for e in one] == [(1024, 16384, 1), (256, 16384, 1), (1024, 8192, 1)]
    two = tuning.trials(EngineConfig(device="cuda", max_num_seqs=1024, max_num_batched_tokens=16384), gpus=2)
    assert [tuple(tuning.varied(e).values()) for e in two[3:]] == [(1024, 16384, 2)]


def test_what_was_measured_is_not_measured_again(tmp_path):
    config = load(["experiment=smoke"])
    tried = tuning.trials(config.engine, 0)
    measured = [Measured(10.0 + i, (1.0, 2.0, 3.0, 4.0)) for i in range(len(tried))]
    known = {
        json.dumps([tuning.request(config, engine), versions()], sort_keys=True): asdict(one)
        for engine, one in zip(tried, measured, strict=True)
    }
    write_json(tmp_path / "trials.json", known)
    assert tuning.sweep(config, tried, tmp_path / "trials.json") == dict(enumerate(measured))


def test_the_fastest_setting_becomes_the_entry():
    config = load(["experiment=smoke"])
    tried = tuning.trials(config.engine, 0)
    found = {0: Measured(10.0, (4.0, 4.0, 1.0, 1.0)), 1: Measured(11.0, (0.5, 0.5, 1.0, 1.0))}
    entry, best = tuning.tuned(config, tried, found, ENTRY, "cpu", 1_199_360)
    assert best == tried[1]
    assert (entry.name, entry.engine["max_num_seqs"]) == ("cpu, tiny, tuned", 64)
    assert (entry.rates.engine_start, entry.rates.sft) == (11.0, RATES.sft)
    assert entry.fits("cpu", 1_199_360)
    assert entry.measured


def test_a_sweep_of_failures_makes_no_entry():
    config = load(["experiment=smoke"])
    with pytest.raises(tuning.NothingMeasured):
        tuning.tuned(config, tuning.trials(config.engine, 0), {}, ENTRY, "cpu", 1_199_360)
