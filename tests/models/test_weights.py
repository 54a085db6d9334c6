"""Weights compared by name and value, however their files are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.models import ModelError, weights
from tests.models import folders


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return folders.good(tmp_path_factory.mktemp("models") / "good")


@pytest.fixture
def copy(good, tmp_path):
    return folders.copied(good, tmp_path / "copy")


def change(folder):
    """Adds one to the last weight."""
    from safetensors.torch import load_file, save_file

    file = weights.files(folder)[-1]
    held = load_file(file)
    held[max(held)] += 1
    save_file(held, file, metadata={"format": "pt"})


@pytest.mark.parametrize(
    "store",
    [
        lambda folder: None,
        folders.shard_weights,
        folders.pickle_weights,
        lambda folder: folders.rename_weights(folder, "model.", ""),
    ],
    ids=["one file", "shards", "pickled", "no prefix"],
)
def test_equal_weights_are_equal_in_every_form(good, copy, store):
    store(copy)
    assert weights.parameters(copy) == 98816
    assert weights.equal(good, copy)
    assert weights.equal(copy, good)


def test_one_changed_weight_is_seen_also_in_shards_and_without_prefix(good, copy):
    folders.shard_weights(copy)
    change(copy)
    assert not weights.equal(good, copy)
    assert not weights.equal(copy, good)


def test_one_changed_weight_is_seen_without_prefix(good, copy):
    folders.rename_weights(copy, "model.", "")
    change(copy)
    assert not weights.equal(copy, good)
    assert not weights.equal(good, copy)


def test_to_compare_nothing_is_an_error(good, copy):
    folders.rename_weights(copy, "model.", "other.thing.")
    with pytest.raises(ModelError, match=r"have no weight of the same name: nothing could be compared"):
        weights.equal(good, copy)


def test_a_broken_index(copy):
    folders.shard_weights(copy)
    index = copy / "model.safetensors.index.json"
    for text in ("{", "{}", "[]", '{"weight_map": []}'):
        index.write_text(text)
        with pytest.raises(ModelError, match=r"index\.json: not an index of shards"):
            weights.files(copy)


def test_an_index_of_nothing(copy):
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors.index.json").write_text('{"weight_map": {}}')
    with pytest.raises(ModelError, match=r"no weights \(model\.safetensors or pytorch_model\.bin\)"):
        weights.shapes(copy)


def test_other_safetensors_beside_the_model_are_not_its_weights(good, copy):
    (copy / "consolidated.safetensors").write_bytes(b"another format")
    assert weights.shapes(copy) == weights.shapes(good)


names = st.lists(st.sampled_from(["model.a", "model.b", "a", "b", "lm_head"]), unique=True)


@given(names, names)
def test_pairs_name_weights_that_are_there(old, new):
    for one, two in weights.pairs(old, new):
        assert (one in old, two in new) == (True, True)
        assert one.rpartition(".")[2] == two.rpartition(".")[2]


@given(names)
def test_every_weight_pairs_with_itself(old):
    assert weights.pairs(old, old) == [(name, name) for name in old]
