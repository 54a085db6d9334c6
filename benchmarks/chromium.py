"""A page in headless Chromium, with a script of ours that tries it and says what it found."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Commands by which it may be installed."""

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage")
_SAID = "sfray-said:"
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


class NoAnswer(RuntimeError):
    """The script in the page ended without an answer, or failed."""


def command() -> str | None:
    """Path of an installed Chromium or Chrome; None if this machine has neither."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def ask(chromium: str, page: Path, script: str, seconds: float) -> Any:
    """Opens a copy of a page and runs a script in it.

    The copy lacks the page's Content-Security-Policy, which would forbid the script. The clock is
    the real one: ``--virtual-time-budget`` would make every duration a fiction.

    Args:
        chromium: Path of Chromium.
        page: The page.
        script: Body of an async function; what it returns comes back, as JSON.
        seconds: How long it may take.

    Raises:
        NoAnswer: It failed, or took longer.
    """
    driver = (
        f"(async () => {{ {script} }})().then((said) => ({{ said }}), (error) => ({{ error: String(error.stack) }}))"
        f'.then((outcome) => console.log("{_SAID}" + encodeURIComponent(JSON.stringify(outcome)) + ";"));'
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        copy, log = Path(name, "page.html"), []
        html = _POLICY.sub("", page.read_text(encoding="utf-8"), count=1)
        copy.write_text(html.replace("</body>", f"<script>{driver}</script></body>"), encoding="utf-8")
        arguments = [*FLAGS, "--enable-logging=stderr", f"--user-data-dir={name}/profile", copy.as_uri()]
        process = subprocess.Popen([chromium, *arguments], stderr=subprocess.PIPE, text=True, errors="replace")
        watch = threading.Timer(seconds, process.kill)
        watch.start()
        try:
            for line in process.stderr or ():
                log.append(line)
                if found := re.search(f"{_SAID}([^;]*);", line):
                    return _answer(found[1])
        finally:
            watch.cancel()
            process.kill()
            process.wait()
    raise NoAnswer(f"no answer within {seconds:g} s:\n{''.join(log[-20:])}")


def _answer(encoded: str) -> Any:
    from urllib.parse import unquote

    outcome = json.loads(unquote(encoded))
    if "error" in outcome:
        raise NoAnswer(outcome["error"])
    return outcome["said"]
