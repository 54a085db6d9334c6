"""The tokenizer: bytes, and phrases matched longest first; every digit is its own token.

The phrases come from a BPE that merges across spaces, but never across a digit, a
bracket, a line end or a tag. So `` + `` is one token, a sentence of a prompt is a few,
and a puzzle costs a third of the tokens that words would need, while the arithmetic
stays digit by digit. Any text can be encoded: the base is all 256 bytes.

The phrases are stored as added tokens (not special ones) over a BPE without merges,
because transformers rebuilds the pre-tokenizer of every ``qwen2`` model to Qwen's own
whatever its files say; added tokens are matched before it, so all loaders agree.

The tags of traces and answers are no special tokens. They are read from plain text,
which works with any model unchanged, and survive ``skip_special_tokens``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml
from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import Qwen2Tokenizer

from sfray import prompts
from sfray.seeds import rng
from sfray.tiny.corpus import END, START, TEXT_END, document

SPECIAL = (TEXT_END, START, END)
"""The tokens that are no text; their ids are their places here."""

VOCAB_SIZE = 1024
CUTS = r"\n|\d|[()]|</?[a-z]+>|[^\d\n()<]+|<"
"""What is a piece of its own: a line end, a digit, a bracket, a tag, a run of anything else."""

SAMPLE_DOCUMENTS = 4_000
WORDING_REPEATS = 40
"""How often the prompt file's wording is counted beside the documents: phrases that only
traces use occur once in it and would get no merges otherwise."""

HINT = "For your eyes only: the right result is {answer}. Reason as if you had not been told, and do not speak of it."
"""The prompt file's hint as the shipped tokenizer was trained on it; reworded since."""

TRACE_TAGS = tuple(f"<{slash}{name}>" for name in ("think", "sample", "reflect") for slash in ("", "/"))
"""Counted too, so that fine-tuning meets each as one token. The model never sees them."""

CONTEXT = 2048

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def train(seed: int) -> Qwen2Tokenizer:
    """Makes the tokenizer from a sample of the corpus and the wording of the prompts.

    Args:
        seed: Seed of the sampled documents.
    """
    merged = _merge(_texts(seed))
    vocabulary = {_plain(merged, token): i for token, i in merged.get_vocab().items()}
    phrases = {token for token in vocabulary if len(token) > 1 and token not in SPECIAL}
    phrases -= _misleading(merged, vocabulary, phrases, list(_documents(seed)))
    return _assemble(vocabulary, phrases)


def _merge(texts: Iterable[str]) -> Tokenizer:
    """Trains the BPE that finds the phrases."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CUTS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _plain(merged: Tokenizer, token: str) -> str:
    """A phrase as the text it encodes; single bytes and special tokens stay as they are named."""
    return token if len(token) == 1 or token in SPECIAL else merged.decoder.decode([token])


def _misleading(merged: Tokenizer, vocabulary: dict[str, int], phrases: set[str], texts: list[str]) -> set[str]:
    """Phrases whose longest match cuts the corpus otherwise than the merges do; they are left out."""
    dropped: set[str] = set()
    names = {i: phrase for phrase, i in vocabulary.items()}
    open_cases = [(text, merged.encode(text).ids) for text in texts]
    while True:
        matched = _assemble(vocabulary, phrases - dropped).backend_tokenizer
        cases = [(text, wanted, matched.encode(text).ids) for text, wanted in open_cases]
        differing = [(text, wanted, got) for text, wanted, got in cases if got != wanted]
        if not differing:
            return dropped
        dropped |= {names[next(g for w, g in zip(wanted, got, strict=False) if w != g)] for _, wanted, got in differing}
        open_cases = [(text, wanted) for text, wanted, _ in differing]


def _assemble(vocabulary: dict[str, int], phrases: set[str]) -> Qwen2Tokenizer:
    """Builds the tokenizer from its vocabulary and the phrases to match."""
    tokenizer = Qwen2Tokenizer(
        vocab=vocabulary,
        merges=[],
        unk_token=TEXT_END,
        eos_token=END,
        pad_token=TEXT_END,
        additional_special_tokens=[START],
        chat_template=CHAT_TEMPLATE,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    ordered = sorted(phrases, key=vocabulary.__getitem__)
    tokenizer.add_tokens([AddedToken(phrase, normalized=False, special=False) for phrase in ordered])
    return tokenizer


def _documents(seed: int) -> Iterator[str]:
    """The sampled documents, with line ends for chat tokens: phrases do not reach across turns."""
    source = rng("tiny", "tokenizer", seed)
    for _ in range(SAMPLE_DOCUMENTS):
        text = document(source).text
        for special in (START, END, TEXT_END):
            text = text.replace(special, "\n")
        yield text


def _texts(seed: int) -> Iterator[str]:
    """What the BPE is trained on: documents, then the prompt file's wording and the trace tags."""
    yield from _documents(seed)
    wording = yaml.safe_load(Path(prompts.__file__).with_name("default.yaml").read_text(encoding="utf-8"))
    wording["hint"] = HINT
    wording.pop(
        "skills", None
    )  # the shipped tokenizer is older than they are; its words are those of the other sections
    for _ in range(WORDING_REPEATS):
        yield from _strings(wording)
        yield from TRACE_TAGS


def _strings(node: object) -> Iterator[str]:
    """All strings of a nested structure, in order."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for child in node.values():
            yield from _strings(child)
    elif isinstance(node, list):
        for child in node:
            yield from _strings(child)
