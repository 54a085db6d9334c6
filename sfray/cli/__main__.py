"""Makes ``python -m sfray.cli`` the same as ``sfray``."""

from __future__ import annotations

from sfray.cli import app

app()
