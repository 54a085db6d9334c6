"""How the segments of a skill are sampled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from sfray.config.data import DecodingConfig
from sfray.config.marks import AT_LEAST_ONE


@dataclass(frozen=True)
class SegmentsConfig(DecodingConfig):
    """Segments of one skill: ``n`` for each variant of each question or attempt.

    Attributes:
        skill: A name of ``sfray.skills.registry``, or ``package.module:Name``.
        variants: Wordings of the prompts file, under ``skills.<skill>``.
    """

    skill: str = "planning"
    n: Annotated[int, AT_LEAST_ONE] = 1
    variants: list[str] = field(default_factory=lambda: ["default"])
