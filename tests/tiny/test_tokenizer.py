"""The tokenizer: nothing is lost, digits stand alone, chats look as the corpus writes them."""

import string

import pytest
from transformers import AutoTokenizer

from sfray.seeds import rng
from sfray.tiny import MODEL_DIR, tokenizer
from sfray.tiny.corpus import chat, document, reflect_messages, solve_messages


@pytest.fixture(scope="module")
def words():
    return AutoTokenizer.from_pretrained(MODEL_DIR)


def test_shipped_one_is_what_the_code_trains(words):
    from sfray.tiny.pretrain import Settings

    fresh = tokenizer.train(Settings().seed)
    assert fresh.get_vocab() == words.get_vocab()
    text = document(rng("test")).text
    assert fresh(text).input_ids == words(text).input_ids


@pytest.mark.parametrize(
    "text", [string.printable, "é ≥ 数\u00a0x", "<think>\n<sample>\n3 + 5</sample>", "  two  spaces "]
)
def test_round_trip(words, text):
    assert words.decode(words(text).input_ids) == text


def test_digits_stand_alone(words):
    tokens = words.convert_ids_to_tokens(range(len(words)))
    assert {t for t in tokens if any(c in string.digits for c in t)} == set(string.digits)
    assert words.tokenize("17 + 48 = 65") == ["1", "7", " + ", "4", "8", " = ", "6", "5"]


def test_special_tokens(words):
    assert (words.pad_token_id, words.convert_tokens_to_ids("<|im_start|>"), words.eos_token_id) == (0, 1, 2)
    assert sorted(words.all_special_tokens) == ["<|endoftext|>", "<|im_end|>", "<|im_start|>"]


def test_tags_are_plain_text(words):
    text = "<think>\n<sample>\n<answer>3 + 5</answer>\n</sample>\n<reflect>\n<verdict>Correct</verdict>\n</reflect>\n"
    assert words.decode(words(text).input_ids, skip_special_tokens=True) == text


@pytest.mark.parametrize(
    "messages",
    [solve_messages("Q?", "plain"), solve_messages("Q?", "plan"), reflect_messages("Q?", "An attempt.")],
)
def test_chat_template_agrees_with_the_corpus(words, messages):
    assert words.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == chat(messages)


def test_chat_template(words):
    messages = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "U"},
        {"role": "assistant", "content": "A"},
    ]
    assert words.apply_chat_template(messages, tokenize=False) == (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
    )


def test_pieces_join_as_the_whole_text(words):
    source = rng("test", "pieces")
    for _ in range(300):
        doc = document(source)
        assert [i for text, _ in doc.pieces for i in words(text).input_ids] == words(doc.text).input_ids
