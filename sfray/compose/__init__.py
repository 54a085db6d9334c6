"""Hydra composition with errors that name the full key and the nearest valid one."""

from sfray.compose.tree import CONF, check_overrides, composed, load

__all__ = ["CONF", "check_overrides", "composed", "load"]
