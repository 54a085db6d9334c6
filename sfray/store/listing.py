"""What runs hold on disk: the steps of one, and the artifacts that none refers to."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from sfray.io.files import discard, read_json
from sfray.store.account import Account
from sfray.store.folder import ARTIFACTS, RunFolder, runs
from sfray.store.locks import hold
from sfray.store.manifest import Manifest
from sfray.store.workers import incidents, read, spoken


def table(run: Path) -> Table:
    """The steps of a run: state, counts, size, time and planned time of each.

    Args:
        run: The run's folder.

    Raises:
        ValueError: There is no step in it.
    """
    steps = RunFolder(run).steps()
    if not steps:
        raise ValueError(f"{run}: no step of a run is here")
    listed = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("step", "stage", "state", "MiB", "seconds", "planned", "counts", "fingerprint"):
        right = name in ("MiB", "seconds", "planned")
        listed.add_column(name, justify="right" if right else "left", overflow="fold")
    planned = Account.read(run).planned
    for name, folder in steps.items():
        listed.add_row(name, *_cells(folder, f"{planned[name]['seconds']:,.0f}" if name in planned else ""))
    return listed


def _cells(folder: Path, planned: str) -> list[str]:
    plan = read_json(folder / "plan.json")
    mebibytes = f"{size(folder) / 2**20:,.1f}"
    if not (folder / "manifest.json").exists():
        parts, shards = len(list(folder.glob("part-*.parquet"))), plan.get("shards", 0)
        so_far = [f"{parts} of {shards} shards"] if shards else []
        progress = "; ".join([*so_far, *filter(None, [spoken(incidents(read(folder)))])])
        return [plan["stage"], "begun", mebibytes, "", planned, progress, plan["fingerprint"]]
    manifest = Manifest.read(folder / "manifest.json")
    counts = "; ".join(
        filter(None, [", ".join(f"{v:,} {k}" for k, v in manifest.counts.items()), spoken(manifest.incidents)])
    )
    return [manifest.stage, "done", mebibytes, f"{manifest.seconds:,.0f}", planned, counts, manifest.fingerprint]


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(p.stat().st_size for p in folder.resolve().rglob("*") if p.is_file() and not p.is_symlink())


def unused(root: Path) -> list[Path]:
    """The artifacts below a folder of runs that no run links to.

    Args:
        root: The folder, ``run.dir``.
    """
    linked = {path.resolve() for run in runs(root) for path in run.path.iterdir() if path.is_symlink()}
    return [p for p in sorted((root / ARTIFACTS).glob("*/*")) if p.is_dir() and p.resolve() not in linked]


def remove(artifact: Path) -> None:
    """Removes an artifact in one step.

    Raises:
        RunLocked: A run is making it.
    """
    with hold(artifact):
        discard(artifact)
