import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfray.report.browser import Entry
from sfray.report.chunks import CHUNK_CHARS, Index, chunks
from sfray.report.markup import blocks
from tests.report import packed

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "\u2028\u2029",
    "a\x00b\x1f\x7f",
    "\ud800",
    "\udfff and \ud83d.",
    "\U0001f600\ufeff\uffff",
    "\r\n\t\"'\\ &amp;&#60;",
    "<think><sample>a</sample><reflect>b<verdict>Correct</verdict></reflect></think><answer>c",
    "",
]


def entry(number: int, text: str, kind: str = "base") -> Entry:
    return Entry(
        kind=kind,
        group=f"countdown-{number % 3}",
        id=f"{text}/{number}",
        question=f"q{number // 2}",
        sample=number % 2,
        correct=number % 5 == 0,
        reason="wrong_value" if number % 5 else "correct",
        tokens=number,
        attempts=number % 7,
        prompt=f"asked {text}",
        gold="{}" if number % 2 else "",
        blocks=tuple(blocks(text)),
    )


def pack(entries, size=CHUNK_CHARS):
    index = Index({"base": "Base", "grpo": "GRPO", "trace": "Silver trace"}, {"grpo": "model-1"})
    made = list(chunks(iter(entries), index, size))
    return made, index.packed()


def unpacked(entries, size=CHUNK_CHARS):
    made, index = pack(entries, size)
    return packed.entries(packed.unpack(index), [packed.unpack(chunk) for chunk in made])


@pytest.mark.parametrize("size", [1, 500, CHUNK_CHARS])
def test_every_entry_is_in_one_chunk_and_comes_back_as_it_was(size):
    texts = [HOSTILE[i % len(HOSTILE)] * (i % 4) for i in range(300)]
    given = [entry(i, text, "base" if i < 150 else "grpo") for i, text in enumerate(texts)]
    found = unpacked(given, size)
    assert [f["text"] for f in found] == texts
    assert [f["question"] for f in found] == [i // 2 for i in range(300)]
    for e, f in zip(given, found, strict=True):
        assert f["blocks"] == [[b.kind, [(p.kind, p.text) for p in b.pieces]] for b in e.blocks]
        for name in ("kind", "group", "id", "sample", "correct", "reason", "tokens", "attempts", "prompt", "gold"):
            assert f[name] == getattr(e, name), name


def test_nothing_in_a_chunk_is_html():
    made, index = pack([entry(i, text) for i, text in enumerate(HOSTILE)], size=1)
    assert len(made) == len(HOSTILE)
    assert all(re.fullmatch("[A-Za-z0-9+/]+=*", text) for text in [*made, index])


def in_utf16(text):
    """Two surrogates that follow each other are one character, as they are to a browser."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@given(st.lists(st.text(st.characters(), max_size=40).map(in_utf16), max_size=8), st.integers(1, 400))
def test_any_text_comes_back(texts, size):
    assert [f["text"] for f in unpacked([entry(i, t) for i, t in enumerate(texts)], size)] == texts


def test_chunks_are_filled_up_to_their_size():
    texts = ["x" * 100] * 50 + ["y" * 5000] + ["x" * 100] * 50
    made, index = pack([replace(entry(i, t), id="", prompt="") for i, t in enumerate(texts)], size=1500)
    sizes = packed.unpack(index)["sizes"]
    assert sum(sizes) == 101
    assert 1 in sizes  # the long one is alone
    assert max(sizes) == sizes[0] > 8
    assert [len(packed.unpack(chunk)) for chunk in made] == sizes


def test_the_index_names_what_the_filters_offer():
    index = packed.unpack(pack([entry(2, "a"), entry(10, "b", "grpo"), entry(3, "c", "grpo")])[1])
    assert index["kinds"] == [
        {"name": "base", "title": "Base", "color": ""}, {"name": "grpo", "title": "GRPO", "color": "model-1"}
    ]  # fmt: skip
    assert index["groups"] == ["countdown-2", "countdown-1", "countdown-0"]
    assert index["levels"] == ["countdown-0", "countdown-1", "countdown-2"]


def test_no_entries_no_chunks():
    made, index = pack([])
    assert made == []
    assert packed.entries(packed.unpack(index) | {"columns": {"kind": []}}, []) == []
