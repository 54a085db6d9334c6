"""The costs of a whole run: of each step, what is shared or done already aside, and of all together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sfray.config import Config
from sfray.config.validation import ConfigError
from sfray.costs import roofline
from sfray.costs.entry import SHIPPED, Entry, entries, user_file
from sfray.costs.step import Cost, cost
from sfray.costs.volume import Volume, volumes
from sfray.deploy.size import parameters
from sfray.graph import Step, together
from sfray.names import suggestion
from sfray.store.manifest import Manifest

DRIVER_SECONDS = 3.0
"""Until the first step begins: Python's imports and the composing of the config, measured on two cores."""

GPU = "h100"
"""The GPU that is reckoned with where none is named: the config does not say which one a cluster has."""


@dataclass(frozen=True)
class Planned:
    """A step of a run, and what it will cost.

    Attributes:
        name: Its name.
        kind: Its stage.
        state: ``made``, ``reused`` (it is there) or ``shared`` (another run of the sweep makes it).
        volume: Its work.
        cost: What making it costs; None for one that costs nothing here.
    """

    name: str
    kind: str
    state: str
    volume: Volume
    cost: Cost | None


@dataclass(frozen=True)
class Plan:
    """What a run will cost.

    Attributes:
        run: Its name.
        steps: Its steps, in the order in which they are made.
        entry: Where the throughputs are from.
        device: ``cpu`` or ``cuda``.
    """

    run: str
    steps: tuple[Planned, ...]
    entry: Entry
    device: str

    @property
    def made(self) -> list[tuple[Planned, Cost]]:
        """The steps that cost something."""
        return [(step, step.cost) for step in self.steps if step.cost is not None]

    @property
    def seconds(self) -> float:
        """Wall time, expected."""
        return DRIVER_SECONDS + sum(cost.seconds for _, cost in self.made)

    @property
    def most(self) -> float:
        """Wall time if every response were as long as it may be."""
        return DRIVER_SECONDS + sum(cost.most for _, cost in self.made)

    @property
    def unit_seconds(self) -> float:
        """Seconds of engines, workers and ranks at work, all together."""
        return sum(cost.seconds * cost.units for _, cost in self.made)

    @property
    def disk(self) -> float:
        """Bytes that stay."""
        return sum(cost.disk for _, cost in self.made)

    @property
    def peak(self) -> float:
        """Bytes on disk at most: what was made before, and what a step needs while it works."""
        before, peak = 0.0, 0.0
        for _, made in self.made:
            peak = max(peak, before + made.peak)
            before += made.disk
        return peak

    @property
    def unknown(self) -> list[str]:
        """Steps whose work cannot be told beforehand."""
        return [step.name for step in self.steps if step.cost is not None and not step.volume.known]


def chosen_entry(config: Config, gpu: str = GPU, files: Sequence[Path] | None = None) -> Entry:
    """The throughputs for a config's model and hardware: the user's own, else those shipped, else the formula's.

    Args:
        config: The config.
        gpu: The GPU, where the engine's device is one.
        files: Tables, the preferred one first; None for the user's and the shipped one.

    Raises:
        ConfigError: The GPU is not known and was not measured, or the model's size cannot be told.
    """
    hardware = "cpu" if config.engine.device == "cpu" else gpu
    size = parameters(config)
    table = entries([user_file(), SHIPPED] if files is None else files)
    if found := next((entry for entry in table if entry.fits(hardware, size)), None):
        return found
    if hardware not in ("cpu", *roofline.GPUS):
        known = sorted({*roofline.GPUS, *(e.hardware for e in table if e.hardware != "cpu")})
        raise ConfigError([f"--gpu: {hardware!r} is not known{suggestion(hardware, known)}"])
    return roofline.estimate(hardware, size, config)


def plan(
    config: Config,
    steps: Mapping[str, Step],
    wanted: Collection[str],
    entry: Entry,
    done: Mapping[str, Manifest],
    shared: Collection[str] = (),
) -> Plan:
    """What a run will cost.

    Args:
        config: The config.
        steps: All steps of its method, each after those that it reads.
        wanted: The steps to make, and what they need.
        entry: The throughputs.
        done: Finished step -> manifest.
        shared: Steps that another run of the sweep makes before.
    """
    size = parameters(config)
    work = volumes(steps, entry.lengths or roofline.ASSUMED, done)
    made = [step for name, step in steps.items() if name in wanted and name not in {*done, *shared}]
    following = {step.name for group in together(made) for step in group[1:]}
    planned = []
    for name in steps:
        if name not in wanted:
            continue
        state = "reused" if name in done else "shared" if name in shared else "made"
        read = sum(work[needed].rows for needed in steps[name].needs if steps[needed].kind != "questions")
        follows = name in following
        costs = cost(steps[name], work[name], read, entry.rates, size, follows) if state == "made" else None
        planned.append(Planned(name, steps[name].kind, state, work[name], costs))
    return Plan(config.run.name, tuple(planned), entry, config.engine.device)
