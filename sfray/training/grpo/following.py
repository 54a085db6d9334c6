"""Metrics of GRPO, set from the process that runs verl: the driver is on no Ray cluster meanwhile."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from sfray.store.artifact import Artifact
from sfray.training.grpo import export, metrics
from sfray.watch.metrics import CHECKPOINT, Meter, tags_of

VARIABLE = "SFRAY_METRICS"
"""Environment variable with what to follow, for the process that runs verl."""

INTERVAL = 5.0
"""Seconds between two looks."""


@dataclass
class Following:
    """Follows the step records of a stage.

    Attributes:
        meter: Sets the metrics.
        folder: The stage's.
        seen: The last step that was set.
        saved: Step of the last checkpoint that was seen.
    """

    meter: Meter
    folder: Path
    seen: int = 0
    saved: int = 0

    def look(self) -> None:
        """Sets the metrics of what is new."""
        for line in metrics.read(self.folder):
            if line["step"] > self.seen and "seconds" in line:
                self.meter.training_step(line)
                self.seen = line["step"]
        if (last := export.last_step(self.folder / "checkpoints")) > self.saved:
            self.saved = last
            self.meter.set(CHECKPOINT, (self.folder / "checkpoints" / export.TRACKER).stat().st_mtime)

    @staticmethod
    def environment(output: Artifact, folder: Path) -> dict[str, str]:
        """What the process that runs verl must know to follow a stage."""
        return {VARIABLE: json.dumps({"tags": tags_of(output), "folder": str(folder)})}

    @classmethod
    def start(cls) -> None:
        """Follows what the environment names until this process ends; does nothing where it names nothing."""
        if given := json.loads(os.environ.get(VARIABLE, "null")):
            folder = Path(given["folder"])
            before = max((line["step"] for line in metrics.read(folder)), default=0)  # of earlier processes
            one = cls(Meter(given["tags"]), folder, before)
            threading.Thread(target=one.follow, args=(threading.Event(),), daemon=True).start()

    def follow(self, ended: threading.Event) -> None:
        """Looks again and again."""
        while not ended.wait(INTERVAL):
            self.look()
