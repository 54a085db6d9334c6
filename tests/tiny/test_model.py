"""The shipped model: small, of the promised architecture, and able to speak."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from sfray.grammar import STRUCTURAL_TAG
from sfray.tiny import MODEL_DIR
from sfray.tiny.corpus import solve_messages


@pytest.fixture(scope="module")
def model():
    return AutoModelForCausalLM.from_pretrained(MODEL_DIR, dtype=torch.float32).eval()


def test_weights_are_small():
    folders = [MODEL_DIR, MODEL_DIR.with_name("nano")]
    assert 7_000_000 < sum(file.stat().st_size for folder in folders for file in folder.iterdir()) < 10_000_000


def test_architecture(model):
    config = model.config
    assert config.architectures == ["Qwen2ForCausalLM"]
    assert config.model_type == "qwen2"
    assert config.tie_word_embeddings
    assert config.max_position_embeddings >= 2048
    assert 1_000_000 <= model.num_parameters() <= 3_000_000
    assert model.dtype == torch.float32


def test_ends_and_pads(model):
    words = AutoTokenizer.from_pretrained(MODEL_DIR)
    assert (model.generation_config.eos_token_id, model.generation_config.pad_token_id) == (2, 0)
    assert model.config.vocab_size == len(words)
    assert model.config.eos_token_id == words.eos_token_id


@pytest.mark.parametrize("variant", ["plain", "plan", "alternatives", "restate"])
def test_makes_one_attempt(model, variant):
    words = AutoTokenizer.from_pretrained(MODEL_DIR)
    question = "Use the numbers 3, 5 and 8 with + - * / to make 64. Use each number at most once."
    prompt = words.apply_chat_template(
        solve_messages(question, variant), add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    output = model.generate(**prompt, do_sample=False, max_new_tokens=120)
    text = words.decode(output[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
    assert output[0, -1] == words.eos_token_id
    assert text.count("<answer>") == text.count("</answer>") == 1
    assert text.endswith("</answer>")
    assert not STRUCTURAL_TAG.search(text)


def test_measured_abilities_are_those_of_a_base_model():
    figures = json.loads((MODEL_DIR / "abilities.json").read_text())["temperature"]["0.7"]
    accuracy, f1 = figures["accuracy"], figures["verdict_f1"]
    assert 0.15 <= accuracy["3"] <= 0.5
    assert 0.02 <= accuracy["4"] <= 0.15
    assert max(accuracy["5"], accuracy["6"]) < accuracy["3"]
    assert min(f1["3"].values()) >= 0.8
    assert min(f1["4"].values()) >= 0.6
    assert figures["single_answer"] > 0.99
    assert figures["single_verdict"] > 0.99
