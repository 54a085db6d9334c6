"""Where the wall time of a finished run went, as a picture, a table and JSON.

    python -m benchmarks.quickstart runs/quickstart [--out waterfall.svg]

The same waterfall is in the run's report. Runs of versions that recorded no timings show whole steps as ``unsplit``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.result import result
from sfray.store.profile import KINDS, Profile, profile


def figures(found: Profile) -> dict[str, float]:
    """Seconds of each kind, all together, and the share that was work where it can be told."""
    seconds = {f"{kind}_seconds": round(found.of(kind), 1) for kind in KINDS if found.of(kind)}
    whole = {"wall_seconds": round(found.seconds, 1)} | seconds
    return whole if found.work is None else whole | {"work_share": round(found.work, 4)}


def main() -> None:
    """Draws the picture; prints a line for each part, and the JSON."""
    from sfray.report import waterfall

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, help="the picture: .svg, .png or .pdf; default: waterfall.svg in the run")
    chosen = parser.parse_args()
    found = profile(chosen.run.resolve())
    if found is None:
        parser.error(f"{chosen.run}: no step of a run is finished here")
    out = chosen.out or chosen.run / "waterfall.svg"
    waterfall.write(found, out)
    for part in found.parts:
        print(f"{part.began:8.1f} s  {part.step:20} {part.kind:10} {part.seconds:8.1f} s")
    config: dict[str, Any] = {"run": chosen.run.resolve().name}
    print(json.dumps(result("quickstart", figures(found), config), indent=2))
    print(f"picture: {out}")


if __name__ == "__main__":
    main()
