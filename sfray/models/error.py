"""The error of a model folder that cannot be used."""

from __future__ import annotations


class ModelError(ValueError):
    """A model folder is missing, incomplete, or does not do what the next stage needs."""
