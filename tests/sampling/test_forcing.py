"""Where a response is taken up again, and with a real engine that its first tokens stay as they were."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.config import EngineConfig
from sfray.models import load_tokenizer, resolve
from sfray.sampling.engine import REPEATS, environment
from sfray.sampling.forcing import MAX_LOOPS, Resumption, loop, resumption

TOKENIZER = load_tokenizer(resolve("tiny"))
THOUGHT = "<think>\n<sample>\n3 + 5 = 8. <answer>8</answer>\n</sample>\n"
CLOSED = THOUGHT + "</think>\n\nSo it is 8.\n<answer>\n8\n</answer>"


def decode(ids) -> str:
    return TOKENIZER.decode(list(ids), skip_special_tokens=True)


def encode(text: str) -> list[int]:
    return TOKENIZER.encode(text, add_special_tokens=False)


def taken_up(text: str, finish: str = "stop", trigger: str = "<sample>") -> Resumption | None:
    return resumption(encode(text), finish, trigger, decode, encode)


def test_the_end_of_the_thinking_and_what_follows_give_way_to_the_trigger():
    again = taken_up(CLOSED)
    assert again is not None
    assert again.why == "closed"
    assert decode(again.ids) == THOUGHT + "<sample>"
    assert list(again.ids[: again.kept]) == encode(CLOSED)[: again.kept]
    assert again.kept <= len(encode(THOUGHT))


@given(st.text(alphabet="ab <>/\n.é", max_size=40), st.sampled_from(["</think>", "</think>.", "</think>\n\nx"]))
def test_no_character_before_the_end_of_the_thinking_is_lost(text: str, end: str):
    thought = f"<think>{text}"
    if "</think>" in thought:
        return
    again = taken_up(thought + end, trigger="!")
    assert again is not None
    assert decode(again.ids) == decode(encode(thought)) + "!"


@pytest.mark.parametrize("text", ["It is <answer>8</answer>.", "", "</think>"])
def test_a_response_that_does_not_think_is_left(text: str):
    assert taken_up(text) is None
    assert taken_up(text, "length") is None


def test_thinking_that_ended_by_itself_is_left_and_thinking_that_was_cut_goes_on():
    assert taken_up(THOUGHT) is None
    assert taken_up(THOUGHT, "length") == Resumption(tuple(encode(THOUGHT)), len(encode(THOUGHT)), "cut")


def test_repetitions_give_way_to_the_trigger():
    ids = encode("<think>\n") + [5, 6, 7] * 10
    again = resumption(ids, "length", "<sample>", decode, encode)
    assert again == Resumption((*ids[:-27], *encode("<sample>")), len(ids) - 27, "loop")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], None),
        ([1, 1, 1], None),
        ([1, 1, 1, 1], 1),
        ([9, 1, 2, 1, 2, 1, 2, 1, 2], 3),
        ([9, 1, 2, 1, 2, 1, 2, 1, 2, 3], None),
        ([2, 1, 2, 1, 2, 1, 2, 1, 2], 3),
        (list(range(65)) * 4, None),
        (list(range(64)) * 4, 64),
    ],
)
def test_loops(ids: list[int], expected: int | None):
    assert loop(ids) == expected


@given(st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), min_size=1, max_size=5), st.integers(4, 9))
def test_a_pattern_that_ends_a_text_is_found(before: list[int], pattern: list[int], times: int):
    found = loop(before + pattern * times)
    assert found is not None
    assert found <= len(before) + len(pattern)


DRIVER = """
import json, sys
from pathlib import Path
from sfray.config import EngineConfig, EvaluateConfig, ModelConfig
from sfray.sampling.engine import Engine, Request, Sampled
from sfray.sampling.forcing import force

model, plain_ids, finish, total = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3], int(sys.argv[4])
temperature = float(sys.argv[5])
engine = Engine(model, ModelConfig(context=1024, dtype="float32"), EngineConfig(max_num_seqs=8, kv_cache_gib=0.125))
request = Request("q", ({"role": "user", "content": "Use 3, 5 and 8 to make 16."},), 7)
config = EvaluateConfig(
    n=1, temperature=temperature, top_p=1.0, top_k=0, repetition_penalty=1.0, max_tokens=64, force_to=total
)
plain = Sampled(engine.decode(plain_ids), len(plain_ids), finish, tuple(plain_ids))
answers = [[plain, *engine.sample([request], config)[0]]]
(first, second), = force(engine, [request], answers, config)
(again, _), = force(engine, [request], answers, config)
print(json.dumps({
    "ids": first.ids, "text": first.text, "finish": first.finish, "resumed": first.resumed,
    "plain": first.plain == plain, "same": again == first, "left": second.ids == second.plain.ids,
}))
"""


def forced(model: Path, ids: list[int], finish: str, total: int, temperature: float = 1.0) -> dict:
    """Forces a response with a real engine, twice."""
    command = [sys.executable, "-c", DRIVER, str(model), json.dumps(ids), finish, str(total), str(temperature)]
    variables = os.environ | environment(EngineConfig(threads=1))
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.engine
def test_a_forced_response_begins_with_the_very_tokens_of_the_plain_one():
    ids = encode(CLOSED)
    made = forced(resolve("tiny"), ids, "stop", 200)
    again = taken_up(CLOSED)
    assert again is not None
    assert tuple(made["ids"][: len(again.ids)]) == again.ids
    assert made["ids"][: again.kept] == ids[: again.kept]
    assert len(again.ids) < len(made["ids"]) <= 200
    assert made["text"].startswith(THOUGHT + "<sample>")
    assert made["resumed"][0] == "closed"
    assert (made["plain"], made["same"], made["left"]) == (True, True, True)


def degenerate(folder: Path, token: int) -> Path:
    """A model that writes one token for ever, if the likeliest one is chosen."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(resolve("tiny"), dtype=torch.float32)
    model.config.tie_word_embeddings = False
    model.lm_head = torch.nn.Linear(model.config.hidden_size, model.config.vocab_size, bias=False)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "o_proj" in name or "down_proj" in name or "lm_head" in name:
                weight.zero_()
        model.model.embed_tokens.weight.fill_(1.0)
        model.model.norm.weight.fill_(1.0)
        model.lm_head.weight[token] = 1.0
    model.save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return folder


@pytest.mark.engine
def test_loops_of_a_degenerate_model_are_broken_and_given_up_in_the_end(tmp_path: Path):
    token, thought, trigger = encode("8")[0], encode("<think>\n"), encode("<sample>")
    made = forced(degenerate(tmp_path / "model", token), [*thought, *[token] * 9], "length", 500, temperature=0.0)
    turns = 1 + MAX_LOOPS
    assert made["resumed"] == ["loop"] * turns
    assert made["finish"] == "repetition"
    assert made["ids"] == [*thought, *[token, *trigger] * turns, *[token] * REPEATS]
