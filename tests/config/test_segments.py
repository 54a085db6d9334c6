"""How segments are sampled unless a config says otherwise."""

from __future__ import annotations

from sfray.config import DecodingConfig, SegmentsConfig
from sfray.config.marks import out_of_bounds


def test_segments_are_drawn_as_the_rest_is() -> None:
    config = SegmentsConfig()
    assert (config.skill, config.variants, config.n) == ("planning", ["default"], 1)
    assert vars(DecodingConfig()).items() <= vars(config).items()
    assert list(out_of_bounds(SegmentsConfig(n=0), "segments.")) == ["segments.n: 0 must be at least 1"]
