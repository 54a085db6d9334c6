"""verl's part in a signal that asks a training to end: it saves the step that it is at, and ends.

verl loads :class:`Saving` through its ``trainer.checkpoint_callback_class``, in the process of
its trainer, on whatever node that is.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from verl.trainer.ppo.checkpoint_callback import CheckpointCallback

from sfray.training.stopping import requested

INTERVAL = 1.0
"""Seconds between two looks for a request."""


class Saving(CheckpointCallback):
    """Has verl save after the step that it is at, and end, once the driver was asked to.

    verl reads ``trainer.save_freq`` again after every step, so a request sets it to 1; and
    after every step it compares its number with that of the last one, so the checkpoint that
    follows makes the step the last.

    Attributes:
        folder: Of the artifact that is made.
    """

    def __init__(self, config: Any) -> None:
        """Takes verl's config, which its trainer goes on reading, and waits for a request."""
        super().__init__(config)
        self.folder = Path(config.trainer.default_local_dir).parent
        self._asked = threading.Event()
        threading.Thread(target=self._wait, args=(threading.Event(),), daemon=True).start()

    def _wait(self, ended: threading.Event) -> None:
        """Looks for a request again and again."""
        while not ended.wait(INTERVAL):
            if requested(self.folder):
                self._asked.set()
                self.config.trainer.save_freq = 1
                return

    def on_save(
        self,
        trainer: Any,
        global_step: int,
        checkpoint_dir: str,  # noqa: ARG002 - of verl's interface
        async_save: bool = False,  # noqa: ARG002 - the same
        **_more: Any,
    ) -> None:
        """Is told of each checkpoint; the one that was asked for is the last."""
        if self._asked.is_set():
            trainer.total_training_steps = global_step
