"""What tests of the corpus read off documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sfray.tiny.corpus import Document


def learned(doc: Document) -> str:
    """What the loss covers."""
    return "".join(text for text, learn in doc.pieces if learn)


def of(documents: Sequence[Document], kind: str) -> list[Document]:
    """The documents of a kind."""
    return [doc for doc in documents if doc.kind.split(":")[0] == kind]


def kinds(documents: Sequence[Document]) -> dict[str, float]:
    """Kind, as a mix names it -> its share in percent."""
    found = Counter(doc.kind.removeprefix("copy:").split(":")[0] for doc in documents)
    return {kind: 100 * count / len(documents) for kind, count in found.items()}


def sizes(documents: Sequence[Document]) -> dict[int, float]:
    """How many numbers a puzzle has -> share of such documents in percent."""
    found = Counter(doc.size for doc in documents)
    return {size: 100 * count / len(documents) for size, count in found.items()}
