"""The end of a sweep of ``experiment=scaling``: a callback of Hydra's, which the experiment names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback

from sfray.io.userfiles import located
from sfray.progress import errors


class Scaling(Callback):  # type: ignore[misc]
    """Prints what ``sfray scaling`` prints of the sweep's runs, as far as they went."""

    def __init__(self, figure: str) -> None:
        """Takes the file of the figure."""
        self._figure = Path(figure)
        self._runs: list[Path] = []

    def on_job_end(self, config: Any, job_return: Any, **kwargs: Any) -> None:  # noqa: ARG002 - Hydra's signature
        """Notes a run."""
        self._runs.append(located(config.run.dir).resolve() / config.run.name)

    def on_multirun_end(self, config: Any, **kwargs: Any) -> None:  # noqa: ARG002 - Hydra's signature
        """Prints the table and draws the figure."""
        from sfray.report.scaling import show

        try:
            show([run for run in self._runs if (run / "config.yaml").exists()], self._figure)
        except ValueError as error:  # the sweep's own status says how its runs ended
            errors.print(f"scaling: {error}", markup=False)
