"""verl saves and ends once the driver was asked to; its own trainer is stood in for."""

import threading
from types import SimpleNamespace

import pytest

from sfray.training.grpo import saving
from sfray.training.stopping import FILE

pytest.importorskip("verl")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The callback, with what it is told to save every so often, and its trainer."""
    monkeypatch.setattr(saving, "INTERVAL", 0.01)
    (tmp_path / FILE).touch()
    config = SimpleNamespace(trainer=SimpleNamespace(default_local_dir=str(tmp_path / "checkpoints"), save_freq=25))
    return saving.Saving(config), SimpleNamespace(total_training_steps=150), tmp_path / FILE


def test_a_checkpoint_that_nobody_asked_for_is_not_the_last(made):
    callback, trainer, _ = made
    callback.on_save(trainer=trainer, global_step=25, checkpoint_dir="x", async_save=False)
    assert (trainer.total_training_steps, callback.config.trainer.save_freq) == (150, 25)


def test_the_one_that_was_asked_for_is(made):
    callback, trainer, file = made
    file.write_text("SIGTERM")
    assert callback._asked.wait(60)
    callback._wait(threading.Event())  # the same again: it has set the pace when it returns
    assert callback.config.trainer.save_freq == 1
    callback.on_save(trainer=trainer, global_step=33, checkpoint_dir="x", async_save=False)
    assert trainer.total_training_steps == 33
