import json
import logging

import pytest
import torch
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Replicate, Shard
from transformers import AutoModelForCausalLM, AutoTokenizer

from sfray.models import ModelError, check_folder
from sfray.training.grpo import export
from tests.models import folders
from tests.training.grpo.model import save


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save(tmp_path_factory.mktemp("base"))


def state(base, dtype=torch.float32):
    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype)
    return {name: weight + 1 for name, weight in model.state_dict().items()}


def checkpoint(folder, ranks):
    """What verl leaves: a description, and one file per rank."""
    actor = folder / "global_step_3" / "actor"
    actor.mkdir(parents=True)
    (actor / "fsdp_config.json").write_text(json.dumps({"FSDP_version": 2, "world_size": len(ranks)}))
    for rank, weights in enumerate(ranks):
        torch.save(weights, actor / f"model_world_size_{len(ranks)}_rank_{rank}.pt")
    return actor.parent


def dtensor(local, shape, placement, world):
    mesh = DeviceMesh("cpu", list(range(world)), mesh_dim_names=("fsdp",), _init_backend=False, _rank=0)
    return DTensor.from_local(local, mesh, [placement], run_check=False, shape=shape, stride=(shape[1], 1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_model_keeps_the_type_it_was_trained_in(base, tmp_path, dtype):
    weights = state(base, dtype)
    export.export(checkpoint(tmp_path, [weights]), base, tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype="auto")
    assert model.dtype == dtype
    assert all(torch.equal(model.state_dict()[name], weight) for name, weight in weights.items())
    assert check_folder(tmp_path / "model").dtype == str(dtype).removeprefix("torch.")
    templates = {AutoTokenizer.from_pretrained(p).chat_template for p in (tmp_path / "model", base)}
    assert len(templates) == 1
    assert (tmp_path / "model" / "generation_config.json").exists()
    assert not export.unchanged(base, tmp_path / "model")


def test_shards_of_two_ranks_are_joined_in_order():
    whole = torch.arange(12.0).reshape(6, 2)
    parts = [dtensor(part.clone(), (6, 2), Shard(0), 2) for part in whole.chunk(2)]
    assert torch.equal(export.join("w", parts), whole)
    replicated = [dtensor(whole, (6, 2), Replicate(), 2)] * 2
    assert torch.equal(export.join("w", replicated), whole)
    assert torch.equal(export.join("w", [whole, whole]), whole)


def test_that_the_process_groups_of_the_ranks_are_gone_is_no_warning(tmp_path, monkeypatch):
    logger, said = logging.getLogger("torch.distributed.device_mesh"), []
    logger.setLevel(logging.WARNING)
    monkeypatch.setattr(logger, "handle", said.append)
    whole = torch.arange(12.0).reshape(6, 2)
    parts = [dtensor(part.clone(), (6, 2), Shard(0), 2) for part in whole.chunk(2)]
    for part in parts:
        part.device_mesh._dim_group_names = ["gone"]
    actor = checkpoint(tmp_path, [{"w": part} for part in parts]) / "actor"
    assert torch.equal(export.merge(actor)["w"], whole)
    assert said == []


def test_shards_that_do_not_make_the_weight_are_refused():
    parts = [dtensor(torch.zeros(2, 2), (6, 2), Shard(0), 2)] * 2
    with pytest.raises(export.ExportError, match=r"w: the shards make \(4, 2\), the weight has \(6, 2\)"):
        export.join("w", parts)


def test_a_missing_shard_is_named(base, tmp_path):
    path = checkpoint(tmp_path, [state(base)] * 2)
    (path / "actor" / "model_world_size_2_rank_1.pt").unlink()
    with pytest.raises(export.ExportError, match=r"lacks model_world_size_2_rank_1\.pt"):
        export.export(path, base, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_weights_of_another_model_are_refused(base, tmp_path):
    weights = state(base)
    del weights["model.norm.weight"]
    with pytest.raises(export.ExportError, match=r"model\.norm\.weight"):
        export.export(checkpoint(tmp_path, [weights]), base, tmp_path / "model")


def test_unchanged_weights_are_seen(base):
    assert export.unchanged(base, base)


def test_to_compare_no_weight_is_an_error(base, tmp_path):
    folders.rename_weights(folders.copied(base, tmp_path / "other"), "model.", "some.thing.")
    with pytest.raises(ModelError, match="nothing could be compared"):
        export.unchanged(base, tmp_path / "other")


def test_a_base_with_pickled_weights_is_compared(base, tmp_path):
    folders.pickle_weights(folders.copied(base, tmp_path / "pickled"))
    assert export.unchanged(tmp_path / "pickled", base)


def test_settings_of_generation_that_cannot_be_saved_are_dropped(base, tmp_path):
    odd = folders.copied(base, tmp_path / "odd")
    folders.put(odd / "generation_config.json", do_sample=False, temperature=0.9)
    export.export(checkpoint(tmp_path, [state(base)]), odd, tmp_path / "model")
    saved = json.loads((tmp_path / "model" / "generation_config.json").read_text())
    assert saved["eos_token_id"] == json.loads((base / "generation_config.json").read_text())["eos_token_id"]
    assert saved.get("temperature") is None


def make(folder, *steps, tracker=None):
    for step in steps:
        (folder / f"global_step_{step}" / "actor").mkdir(parents=True)
    if tracker is not None:
        (folder / export.TRACKER).write_text(str(tracker))


def test_the_last_step_is_that_of_the_last_whole_checkpoint(tmp_path):
    assert export.last_step(tmp_path) == 0
    make(tmp_path, 5, 10, tracker=5)  # 10 was being written
    assert export.last_step(tmp_path) == 5
    (tmp_path / export.TRACKER).write_text("20")  # its folder is gone
    assert export.last_step(tmp_path) == 0
    (tmp_path / export.TRACKER).write_text("")  # killed while writing
    assert export.last_step(tmp_path) == 0


def test_old_checkpoints_go_only_when_newer_ones_are_whole(tmp_path):
    make(tmp_path, 2, 4, 6, 8, tracker=6)
    assert export.prune(tmp_path, keep=2) == [2]
    assert export.steps(tmp_path) == [4, 6, 8]
    assert export.prune(tmp_path, keep=2) == []
    (tmp_path / export.TRACKER).write_text("8")
    assert export.prune(tmp_path, keep=1) == [4, 6]
    assert export.steps(tmp_path) == [8]
