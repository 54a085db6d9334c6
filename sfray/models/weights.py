"""The weights of a model folder: which files hold them, their names and their sizes, without loading a model."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sfray.models.error import ModelError

if TYPE_CHECKING:
    import torch

SAFETENSORS = "model.safetensors"
"""Weights that ``transformers`` looks for first; their shards are listed in a ``.index.json`` beside them."""

PICKLED = "pytorch_model.bin"
"""Weights that ``transformers`` looks for next; their shards are listed in a ``.index.json`` beside them."""

_LFS = b"version https://git-lfs.github.com/spec/"
_ADAPTER = "adapter_model.safetensors"


def files(folder: Path) -> list[Path]:
    """The files that hold a folder's weights, in the order in which ``transformers`` looks for them.

    Raises:
        ModelError: There are no weights, a shard is missing, or a file is a git-LFS pointer.
    """
    found = next((f for f in (_listed(folder, name) for name in (SAFETENSORS, PICKLED)) if f), [])
    if not found:
        raise ModelError(_nothing(folder))
    for file in found:
        if not file.is_file():
            raise ModelError(f"{file}: missing, though the index lists it; download the folder again")
        if is_pointer(file):
            raise ModelError(f"{file}: a git-LFS pointer, not weights; run `git lfs pull` in the folder")
    return found


def is_pointer(file: Path) -> bool:
    """Whether a file is what git leaves in place of a large one that was not downloaded."""
    with file.open("rb") as content:
        return content.read(len(_LFS)) == _LFS


def _listed(folder: Path, name: str) -> list[Path]:
    """The file of that name, or the shards that its index lists."""
    if (folder / name).is_file():
        return [folder / name]
    index = folder / f"{name}.index.json"
    if not index.is_file():
        return []
    try:
        names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{index}: not an index of shards ({error}); download it again") from error
    return [folder / shard for shard in sorted(set(names))]


def _nothing(folder: Path) -> str:
    if (folder / _ADAPTER).is_file():
        return f"{folder / _ADAPTER}: an adapter, not a model; merge it into its base model first"
    others = sorted(p.name for p in folder.glob("*.safetensors"))
    if others:
        return f"{folder}: the weights are in {others[0]}, but transformers looks for {SAFETENSORS}; rename the file"
    return f"{folder}: no weights ({SAFETENSORS} or {PICKLED}); download the folder again"


def shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Shape of every weight by its name, from the files' headers where they have one.

    Raises:
        ModelError: A file is missing, cut short, or holds no weights.
    """
    found = {name: shape for file in files(folder) for name, shape in _shapes(file)}
    if not found:
        raise ModelError(f"{folder}: its weight files hold no weight; download the folder again")
    return found


def _shapes(file: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    if file.suffix != ".safetensors":
        yield from ((name, tuple(weight.shape)) for name, weight in _pickled(file).items())
        return
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "np") as opened:
            for name in opened.keys():  # noqa: SIM118 - not a mapping
                yield name, tuple(opened.get_slice(name).get_shape())
    except SafetensorError as error:
        raise ModelError(f"{file}: not a whole safetensors file ({error}); download it again") from error


def parameters(folder: Path) -> int:
    """Stored weights in all; tied ones are stored once."""
    return sum(map(math.prod, shapes(folder).values()))


def _pickled(file: Path) -> Mapping[str, torch.Tensor]:
    import pickle

    import torch

    try:
        loaded = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, OSError, EOFError, pickle.UnpicklingError) as error:
        raise ModelError(f"{file}: not a whole file of weights; download it again, as {SAFETENSORS}") from error
    return {name: weight for name, weight in loaded.items() if hasattr(weight, "shape")}


def read(folder: Path, wanted: Sequence[str]) -> Iterator[tuple[str, torch.Tensor]]:
    """Yields the wanted weights of a folder, one in memory at a time where the files allow it."""
    from safetensors import safe_open

    names = set(wanted)
    for file in files(folder):
        if file.suffix != ".safetensors":
            yield from ((name, weight) for name, weight in _pickled(file).items() if name in names)
            continue
        with safe_open(file, "pt") as opened:
            for name in names.intersection(opened.keys()):
                yield name, opened.get_tensor(name)


def pairs(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, str]]:
    """The names under which two folders hold the same weight.

    A folder saved from the bare model lacks the prefix (``model.``) that one with a
    language model's head has.
    """
    bare = {name.partition(".")[2]: name for name in new}
    named = dict.fromkeys(new)
    found = []
    for name in old:
        shorter = name.partition(".")[2]
        match = name if name in named else bare.get(name) or (shorter if shorter in named else None)
        if match is not None:
            found.append((name, match))
    return found


def equal(before: Path, after: Path) -> bool:
    """Whether two model folders hold equal weights, compared in the type of the second.

    Raises:
        ModelError: A folder cannot be read, or they have no weight in common.
    """
    common = pairs(list(shapes(before)), list(shapes(after)))
    if not common:
        raise ModelError(f"{before} and {after} have no weight of the same name: nothing could be compared")
    partner = dict(common)
    # A shard of the other folder may hold any of the names: one weight is looked up at a time.
    return all(_same(weight, after, partner[name]) for name, weight in read(before, list(partner)))


def _same(one: torch.Tensor, folder: Path, name: str) -> bool:
    _, two = next(read(folder, [name]))
    return one.shape == two.shape and bool((one.to(two.dtype) == two).all())
