"""What differs between the plan of an artifact and the one that is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """A line for each key that differs, in plain containers."""
    before, after = _flat(old), _flat(new)
    return [
        f"  {key}: {before.get(key, 'absent')} there, {after.get(key, 'absent')} now"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Dotted key -> JSON of the value."""
    flat: dict[str, str] = {}
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            flat |= _flat(item, f"{prefix}{key}.")
        else:
            flat[prefix + key] = json.dumps(item, sort_keys=True, ensure_ascii=False)
    return flat
