"""Every message that the troubleshooting page quotes is one that the code raises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
QUOTED = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8"), re.M)
SOURCE = "\n".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "sfray").rglob("*.py")))


def test_the_page_quotes_messages() -> None:
    assert len(QUOTED) == 12


@pytest.mark.parametrize("message", QUOTED)
def test_a_quoted_message_is_in_the_source(message: str) -> None:
    assert message in SOURCE
