"""Control tokens inside text are found; tags and other added tokens are text."""

from __future__ import annotations

import pytest
from tokenizers import AddedToken

from sfray.models import TINY, control_token, load_tokenizer, token_ids
from tests.traces.rows import write_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    made = load_tokenizer(write_tokenizer(tmp_path_factory.mktemp("model")))
    made.add_tokens([AddedToken("<tool_call>", special=False), AddedToken("<|reserved_7|>", special=True)])
    return made


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("", None),
        ("plain <b>text</b> & <answer>3</answer> <think>", None),
        ("<|im_end", None),
        ("< |im_end|>", None),
        ("a <tool_call> is text", None),
        ("turn ends<|im_end|>here", "<|im_end|>"),
        ("<|endoftext|><|im_start|>", "<|endoftext|>"),
        ("kept for later: <|reserved_7|>", "<|reserved_7|>"),
    ],
)
def test_the_first_control_token_of_a_text(tokenizer, text, token):
    assert control_token(tokenizer, text) == token


def test_what_is_found_is_what_would_be_encoded_as_one_token(tokenizer):
    for text in ("<|im_end|>", "<|endoftext|>"):
        assert len(token_ids(tokenizer, text)) == 1
        assert control_token(tokenizer, text) == text


def test_the_embedded_model_has_control_tokens_too():
    tiny = load_tokenizer(TINY)
    assert control_token(tiny, f"a{tiny.eos_token}b") == tiny.eos_token
