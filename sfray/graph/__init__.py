"""A method, from YAML to checked steps in order: pure, it starts nothing and writes nothing."""

from sfray.graph.build import build, chosen, together
from sfray.graph.step import Ref, Step

__all__ = ["Ref", "Step", "build", "chosen", "together"]
