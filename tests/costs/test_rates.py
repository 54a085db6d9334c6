from dataclasses import replace

import pytest

from sfray.costs.entry import SHIPPED, Entry, entries, keep, user_file
from sfray.costs.rates import Rates

RATES = Rates(
    engine_start=10.0,
    prefill=0.001,
    decode=0.01,
    decode_context=0.0001,
    decode_step=0.02,
    sft_start=5.0,
    sft=0.002,
    sft_length=0.00001,
    grpo_start=50.0,
    grpo_first=10.0,
    grpo_step=1.0,
    grpo=0.001,
    validation=0.0005,
)
ENTRY = Entry("mine", "cpu", 2, 1_000_000, "2026-01-02", "a test", RATES)


def test_speeds_are_the_inverse_of_what_a_token_takes():
    # 0.01 + 0.0001 x 100 + 0.02 / 4 seconds a token
    assert RATES.decode_speed(100, 4) == pytest.approx(40.0)
    assert RATES.sft_speed(200) == pytest.approx(250.0)
    assert RATES.prefill_speed() == pytest.approx(1000.0)
    assert replace(RATES, prefill=0.0).prefill_speed() is None
    assert RATES.grpo_step_seconds(4000, 2) == 3.0


@pytest.mark.parametrize(
    ("hardware", "parameters", "fits"),
    [("cpu", 1_100_000, True), ("cpu", 1_300_000, False), ("h100", 1_000_000, False)],
)
def test_an_entry_fits_its_hardware_and_models_of_its_size(hardware, parameters, fits):
    assert ENTRY.fits(hardware, parameters) is fits


def test_an_entry_is_kept_first_and_in_place_of_its_namesake(tmp_path):
    file = tmp_path / "deep" / "throughput.json"
    keep(file, ENTRY)
    keep(file, replace(ENTRY, name="other"))
    keep(file, replace(ENTRY, measured="2026-02-03"))
    assert [(e.name, e.measured) for e in entries([tmp_path / "none.json", file])] == [
        ("mine", "2026-02-03"),
        ("other", "2026-01-02"),
    ]
    assert entries([file])[0].rates == RATES


@pytest.mark.parametrize("text", ["[]", '{"entries": [{"name": "x"}]}', '{"entries": [{"rates": {"decode": 1}}]}', "{"])
def test_a_file_that_is_no_table_is_named(tmp_path, text):
    file = tmp_path / "throughput.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"throughput\.json"):
        entries([file])


def test_the_shipped_table_has_the_embedded_model_on_two_cores():
    (entry,) = entries([SHIPPED])
    assert (entry.hardware, entry.cores, entry.parameters) == ("cpu", 2, 1_199_360)
    assert entry.measured
    assert entry.lengths is not None


def test_the_users_table_is_in_the_folder_of_configs(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert user_file() == tmp_path / "sfray" / "throughput.json"
