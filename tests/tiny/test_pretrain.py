"""Pre-training: learns, and is the same run whether or not it is interrupted."""

import multiprocessing as mp
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, Qwen2ForCausalLM

from sfray.tiny import pretrain
from sfray.tiny.pretrain import Settings, Trainer

SMALL = Settings(steps=6, warmup=2, decay=2, rows=2, length=256, hidden=16, layers=1, heads=2, inner=16, matrix_lr=0.02)


def losses(trainer, count):
    return [trainer.advance() for _ in range(count)]


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="module")
def _one_tokenizer():
    shipped = AutoTokenizer.from_pretrained(pretrain.MODEL_DIR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrain.tokenizer, "train", lambda seed: shipped)
        yield


def test_rates_rise_stay_and_fall():
    settings = Settings(steps=10, warmup=4, decay=2)
    assert [settings.rate(step) for step in range(10)] == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 0.5]


def test_resuming_changes_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = Trainer(SMALL, tmp_path / "a", fast=False)
    expected = losses(whole, 6)
    first = Trainer(SMALL, tmp_path / "b", fast=False)
    seen = losses(first, 3)
    first.save()
    losses(first, 1)  # lost: the process is killed after the last save
    second = Trainer(SMALL, tmp_path / "b", fast=False)
    assert second.step == 3
    assert seen + losses(second, 3) == expected
    assert torch.equal(weights(second), weights(whole))
    assert second.seen == whole.seen


def test_loss_falls(tmp_path):
    settings = Settings(**{**SMALL.__dict__, "steps": 30, "vector_lr": 0.02})
    found = losses(Trainer(settings, tmp_path, fast=False), 30)
    assert sum(found[-5:]) < 0.8 * sum(found[:5])


def test_workers_split_the_shards(tmp_path):
    """The gradient of two processes is that of one that works both shards."""
    one = Trainer(SMALL, tmp_path, fast=False)
    parts = [Trainer(SMALL, tmp_path, rank, 2, fast=False) for rank in range(2)]
    for trainer in parts:
        trainer._share = lambda *counts: counts  # each keeps its own sum
        trainer.optimizers = []
        trainer._rates = list
        trainer.model.zero_grad = lambda set_to_none: None
    mean = one.advance()
    grads = [torch.cat([p.grad.flatten() for p in trainer.model.parameters()]) for trainer in _advanced(parts)]
    again = Trainer(SMALL, tmp_path, fast=False)
    again.optimizers, again._rates, again.model.zero_grad = [], list, lambda set_to_none: None
    again.advance()
    whole = torch.cat([p.grad.flatten() for p in again.model.parameters()])
    scale = whole.norm() / sum(grads).norm()
    assert torch.allclose(sum(grads) * scale, whole, atol=1e-6)
    assert mean > 0


def _advanced(trainers):
    for trainer in trainers:
        trainer.advance()
    return trainers


def test_command_line(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda module: pytest.fail("compiled although --eager"))
    out = tmp_path / "model"
    pretrain.main(
        [
            *("--steps", "2", "--warmup", "1", "--decay", "1", "--rows", "2", "--hidden", "16", "--layers", "1"),
            *("--heads", "2", "--inner", "16", "--workers", "1", "--eager"),
            *("--state", str(tmp_path / "state"), "--out", str(out)),
        ]
    )
    assert {"config.json", "model.safetensors", "tokenizer.json", "generation_config.json"} <= {
        file.name for file in out.iterdir()
    }
    assert not (tmp_path / "model.part").exists()
    assert mp.active_children() == []


SIZES = ("--hidden", "16", "--layers", "1", "--heads", "2", "--inner", "16", "--rows", "2", "--workers", "1", "--eager")


@pytest.mark.parametrize("phase", ["together", "distant"])
def test_later_phases_go_on_from_a_folder(tmp_path, phase):
    first, second = tmp_path / "first", tmp_path / "second"
    pretrain.main([*SIZES, "--steps", "1", "--state", str(tmp_path / "a"), "--out", str(first)])
    options = [*SIZES, "--steps", "2", "--length", "128", "--phase", phase, "--from", str(first)]
    settings, _ = pretrain.parse(options)
    assert (settings.phase, settings.length, settings.warmup) == (phase, 128, 20)
    begun = Trainer(settings, tmp_path, fast=False, origin=first)
    shipped = Qwen2ForCausalLM.from_pretrained(first).state_dict()
    assert all(torch.equal(weight, shipped[name]) for name, weight in begun.model.state_dict().items())
    packed = begun.batch(0)
    assert packed["input_ids"].shape == (2, 128)
    assert packed["attention_mask"] == {"full_attention": None}
    assert not torch.equal(packed["input_ids"], begun.batch(1)["input_ids"])
    pretrain.main([*options, "--state", str(tmp_path / "b"), "--out", str(second)])
    assert not torch.equal(
        Qwen2ForCausalLM.from_pretrained(second).model.embed_tokens.weight, shipped["model.embed_tokens.weight"]
    )


def test_the_later_phases_read_other_documents(tmp_path):
    together, distant = (
        Trainer(replace(SMALL, phase=phase), tmp_path, fast=False).batch(0) for phase in ("together", "distant")
    )
    assert not torch.equal(together["input_ids"], distant["input_ids"])


def test_documents_of_the_second_phase_see_what_stands_before(tmp_path):
    settings = replace(SMALL, phase="together", length=64)
    trainer = Trainer(settings, tmp_path, fast=False)
    packed = trainer.batch(0)
    labels = packed.pop("labels")
    before = trainer.body(**packed, use_cache=False).last_hidden_state
    packed["input_ids"][:, 0] += 1
    after = trainer.body(**packed, use_cache=False).last_hidden_state
    assert (before - after).abs().amax(-1).gt(0).all(), "the first token reaches every later one"
    packed["input_ids"][:, -1] += 1
    assert torch.equal(trainer.body(**packed, use_cache=False).last_hidden_state[:, :-1], after[:, :-1])
    assert labels.shape == (2, 64)


def test_another_vocabulary_is_refused(tmp_path):
    words = AutoTokenizer.from_pretrained(pretrain.MODEL_DIR)
    words.add_tokens(["<other>"])
    words.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=f"^--from: the tokenizer in {tmp_path} has another vocabulary"):
        Trainer(replace(SMALL, phase="together"), tmp_path, fast=False, origin=tmp_path)


@pytest.mark.parametrize(
    ("have", "wanted", "places"),
    [(5, 5, [0, 1, 2, 3, 4]), (5, 3, [0, 2, 4]), (5, 1, [0]), (2, 2, [0, 1]), (6, 4, [0, 2, 3, 5])],
)
def test_layers_are_evenly_spread(have, wanted, places):
    assert pretrain.spread(have, wanted) == places


def test_a_shallower_model_starts_from_some_layers_of_a_deeper_one(tmp_path):
    deep = Trainer(replace(SMALL, layers=3), tmp_path / "deep", fast=False)
    deep.export(tmp_path / "model")
    shallow = Trainer(replace(SMALL, phase="together", layers=2), tmp_path, fast=False, origin=tmp_path / "model")
    kept = {name: weight.clone() for name, weight in deep.model.named_parameters()}
    for name, weight in shallow.model.named_parameters():
        assert torch.equal(weight, kept[name.replace("layers.1.", "layers.2.")]), name
    wanted = replace(SMALL, phase="together", layers=4)
    with pytest.raises(ValueError, match=f"^--layers: 4, but the model in {tmp_path / 'model'} has 3$"):
        Trainer(wanted, tmp_path, fast=False, origin=tmp_path / "model")


def test_too_many_workers():
    with pytest.raises(SystemExit):
        pretrain.parse(["--workers", "3"])


def test_defaults_are_the_shipped_run():
    settings, args = pretrain.parse([])
    assert settings == Settings() == pretrain.PHASES["apart"]
    assert args.out == pretrain.MODEL_DIR
    settings, args = pretrain.parse(["--phase", "together", "--from", "first"])
    assert settings == pretrain.PHASES["together"]
    assert (settings.length, settings.rows, args.origin) == (1_024, 5, Path("first"))
    assert pretrain.parse(["--phase", "distant", "--from", "second"])[0] == pretrain.PHASES["distant"]


@pytest.mark.parametrize("options", [["--phase", "together"], ["--from", "first"]])
def test_a_later_phase_needs_weights_and_the_first_takes_none(options, capsys):
    with pytest.raises(SystemExit):
        pretrain.parse(options)
    assert "goes on from a folder: --from FOLDER" in capsys.readouterr().err
