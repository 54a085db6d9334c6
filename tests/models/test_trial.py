"""Odd model folders, each told in one line, without an engine."""

from __future__ import annotations

import json
import time

import pytest

from sfray.models import TINY, Trial, try_model
from sfray.models.rendering import TAGS, TRACE
from tests.models import folders


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return folders.good(tmp_path_factory.mktemp("models") / "good")


@pytest.fixture
def odd(good, tmp_path):
    return folders.copied(good, tmp_path / "odd")


def fault(folder, **asked) -> str:
    """The one fault of a folder, on one line that names the folder."""
    trial = try_model(str(folder), **{"context": folders.CONTEXT, "system": True} | asked)
    assert len(trial.faults) == 1, trial
    assert "\n" not in trial.faults[0]
    assert str(folder) in trial.faults[0]
    return trial.faults[0]


def test_good_folders_have_no_fault(good):
    assert try_model(str(good), folders.CONTEXT, system=True) == Trial((), (), 98816)
    assert try_model("tiny", 2048, system=True) == Trial((), (), 1199360)


def test_a_trial_takes_seconds():
    try_model(str(TINY))  # imports
    began = time.monotonic()
    try_model(str(TINY))
    assert time.monotonic() - began < 5


def test_the_probe_has_every_tag():
    assert len(TAGS) == 10
    assert [tag for tag in TAGS if tag not in TRACE] == []


def test_a_folder_that_is_not_there(tmp_path):
    assert try_model(str(tmp_path / "gone")).faults == (f"no folder {tmp_path / 'gone'}",)
    (tmp_path / "empty").mkdir()
    assert try_model(str(tmp_path / "empty")).faults == (f"{tmp_path / 'empty'} has no config.json",)


def test_a_config_that_is_not_json(odd):
    (odd / "config.json").write_text('{"model_type": "llama",')
    assert "config.json: not JSON (Expecting property name" in fault(odd)
    (odd / "config.json").write_text("[]")
    assert "config.json: not a JSON object" in fault(odd)


def test_an_architecture_that_nobody_knows(odd):
    folders.put(odd / "config.json", model_type="unheard_of", architectures=["UnheardOfForCausalLM"])
    assert "config.json: transformers cannot read model_type 'unheard_of'" in fault(odd)


def test_code_that_nobody_allowed(odd):
    folders.put(odd / "config.json", auto_map={"AutoConfig": "own.OwnConfig"})
    assert "set model.trust_remote_code=true" in try_model(str(odd)).faults[0]


def test_a_quantised_model_is_sampled_but_not_trained(odd):
    folders.put(odd / "config.json", quantization_config={"quant_method": "gptq", "bits": 4})
    assert "config.json: quantised (gptq), which cannot be trained" in fault(odd)
    assert try_model(str(odd), trains=False).faults == ()


def test_a_context_that_is_too_short(odd):
    assert try_model(str(odd)).faults == ()
    line = "config.json: the model reads 1,024 tokens, model.context is 1,025; lower model.context"
    assert fault(odd, context=1025).endswith(line)


@pytest.mark.parametrize("spoil", ["gone", "pointer", "cut", "empty", "adapter", "other_name"])
def test_weights_that_are_not_there(odd, spoil):
    file = odd / "model.safetensors"
    data = file.read_bytes()
    file.unlink()
    if spoil == "pointer":
        file.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 4803976\n")
    elif spoil == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif spoil == "empty":
        file.touch()
    elif spoil == "adapter":
        (odd / "adapter_model.safetensors").write_bytes(data)
    elif spoil == "other_name":
        (odd / "weights.safetensors").write_bytes(data)
    expected = {
        "gone": "no weights (model.safetensors or pytorch_model.bin); download the folder again",
        "pointer": "model.safetensors: a git-LFS pointer, not weights; run `git lfs pull` in the folder",
        "cut": "model.safetensors: not a whole safetensors file",
        "empty": "model.safetensors: not a whole safetensors file",
        "adapter": "an adapter, not a model; merge it into its base model first",
        "other_name": "the weights are in weights.safetensors, but transformers looks for model.safetensors",
    }
    assert expected[spoil] in fault(odd)


def test_weights_without_their_prefix(odd):
    folders.rename_weights(odd, "model.", "")
    assert "model.safetensors: the weights' names lack their prefix" in fault(odd)


def test_shards_and_one_that_is_gone(odd, good):
    folders.shard_weights(odd)
    assert try_model(str(odd), system=True) == try_model(str(good), system=True)
    lost = sorted(odd.glob("*.safetensors"))[1]
    lost.unlink()
    assert fault(odd).startswith(f"{lost}: missing, though the index lists it")


def test_pickled_weights_are_told_of_and_read(odd):
    folders.pickle_weights(odd)
    trial = try_model(str(odd), system=True)
    assert (trial.faults, trial.parameters) == ((), 98816)
    assert trial.notes == (f"{odd / 'pytorch_model.bin'}: read as it is; trained models are saved as safetensors",)


def test_pickled_weights_that_are_cut(odd):
    folders.pickle_weights(odd)
    file = odd / "pytorch_model.bin"
    file.write_bytes(file.read_bytes()[:5000])
    assert "pytorch_model.bin: not a whole file of weights" in fault(odd)


def test_a_generation_config_that_would_not_be_saved(odd):
    folders.put(odd / "generation_config.json", do_sample=False, temperature=0.9, top_p=0.6)
    trial = try_model(str(odd))
    assert trial.faults == ()
    assert trial.notes == (
        f"{odd / 'generation_config.json'}: transformers would not save temperature, top_p without do_sample; "
        f"trained models are saved without them",
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"do_sample": True, "temperature": 0.01, "repetition_penalty": 5.0, "max_new_tokens": 3},
        {"eos_token_id": [256, 257]},
    ],
)
def test_settings_of_sampling_are_no_fault(odd, good, settings):
    folders.put(odd / "generation_config.json", **settings)
    assert try_model(str(odd)) == try_model(str(good))


def test_a_folder_without_a_generation_config(odd, good):
    (odd / "generation_config.json").unlink()
    assert try_model(str(odd)) == try_model(str(good))


def test_a_generation_config_that_cannot_be_used(odd):
    folders.put(odd / "generation_config.json", num_return_sequences=4)
    assert "generation_config.json: " in fault(odd)
    assert fault(odd).endswith("correct the setting, or delete the file")


def test_no_tokenizer(odd):
    (odd / "tokenizer.json").unlink()
    assert "has no tokenizer (tokenizer.json, tokenizer.model or vocab.json)" in fault(odd)


def test_a_tokenizer_that_is_cut(odd):
    file = odd / "tokenizer.json"
    file.write_text(file.read_text()[:500])
    assert "the tokenizer cannot be loaded" in fault(odd)


def test_a_tokenizer_larger_than_the_embedding(odd):
    folders.put(odd / "config.json", vocab_size=100)
    assert "the tokenizer has 259 tokens, the model 100 embeddings" in fault(odd)


def test_no_chat_template_and_several(odd):
    text = (odd / "chat_template.jinja").read_text()
    (odd / "chat_template.jinja").unlink()
    assert "has no chat template; use an instruction-tuned model" in fault(odd)
    named = [{"name": name, "template": text} for name in ("default", "tool_use")]
    folders.put(odd / "tokenizer_config.json", chat_template=named)
    assert "has several chat templates (default, tool_use); write the one to use to chat_template.jinja" in fault(odd)


NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}{% for"
DATED = "{{ strftime_now('%d %b %Y') }}{% for"
DROPPED = "{% for m in messages if m['role'] != 'system' %}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{% for", NO_SYSTEM, "the chat template takes no system turn (no system here); choose sample.variants"),
        ("{% for m in messages %}", DROPPED, "the chat template leaves the system turn out"),
        ("{% for", DATED, "the chat template prints the date (strftime_now)"),
        ("{% endfor %}", "", "the chat template fails (Unexpected end of template"),
        ("assistant\n", "assistant\n<think>\n", "the chat template opens <think> itself"),
        ("m['content']", "m['content'].split('</think>')[-1]", "rewrites the assistant's turn"),
        ("m['content']", "m['content'].replace('<verdict>', '')", "rewrites the assistant's turn"),
        ("<|im_start|>assistant\n", "[bot]", "does not begin the whole conversation"),
        ("<|im_end|>\n", "<|im_start|>\n", "the assistant's turn ends with '<|im_start|>\\n', not with the end-of-"),
    ],
)
def test_a_template_that_changes_text(odd, old, new, message):
    folders.template(odd, old, new)
    line = fault(odd)
    assert line.startswith(f"{odd / 'chat_template.jinja'}: ")
    assert message in line


def test_a_system_turn_is_only_missed_where_prompts_have_one(odd):
    folders.template(odd, "{% for", NO_SYSTEM)
    assert try_model(str(odd), system=False).faults == ()


def test_a_date_in_a_part_that_is_not_printed_is_no_fault(odd):
    folders.template(odd, "{% for", "{% if tools %}{{ strftime_now('%Y') }}{% endif %}{% for")
    assert try_model(str(odd)).faults == ()


def test_a_fixed_date_is_no_fault(odd):
    folders.template(odd, "{% for", "{{ '26 Jul 2024' }}{% for")
    assert try_model(str(odd)).faults == ()


def test_tags_that_are_special_tokens(odd):
    from tests.training.grpo.model import tokenizer

    tokenizer(special=["<think>", "<verdict>"]).save_pretrained(odd)
    folders.put(odd / "config.json", vocab_size=300)
    assert "tokenizer.json: <think>, <verdict> are special tokens, which decoding drops" in fault(odd)


def test_tags_that_are_plain_tokens_are_no_fault(odd):
    from tests.training.grpo.model import tokenizer

    words = tokenizer()
    words.add_tokens(["<think>", "</think>"])
    words.save_pretrained(odd)
    folders.put(odd / "config.json", vocab_size=300)
    assert try_model(str(odd), system=True).faults == ()


def test_a_tokenizer_that_begins_every_text_with_a_space(odd):
    folders.metaspace_tokenizer(odd)
    line = fault(odd)
    assert "the tokenizer makes ['▁', '<'] of a response alone, but ['<', 't'] after the prompt" in line


def test_a_folder_may_have_several_faults(odd):
    (odd / "model.safetensors").unlink()
    (odd / "chat_template.jinja").unlink()
    folders.put(odd / "config.json", max_position_embeddings=8)
    assert len(try_model(str(odd), folders.CONTEXT).faults) == 3


def test_trained_weights_keep_their_type_in_a_trial(odd, good):
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(good, dtype="bfloat16").save_pretrained(odd)
    assert json.loads((odd / "config.json").read_text())["dtype"] == "bfloat16"
    assert try_model(str(odd)) == try_model(str(good))


def test_a_padded_vocabulary_is_no_fault(odd):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(odd)
    model.resize_token_embeddings(320)
    model.save_pretrained(odd)
    assert try_model(str(odd)).faults == ()
