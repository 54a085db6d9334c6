"""Low-rank adapters: which modules of a model can have one, told from its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sfray.config.training import ALL_LINEAR
from sfray.models import weights
from sfray.names import suggestion

_INPUT, _OUTPUT = "embed_tokens", "lm_head"


def target_faults(folder: Path, targets: Sequence[str]) -> Iterator[str]:
    """Says so for each target that is no module of the model; peft itself ignores it beside one that is.

    Args:
        folder: The model's.
        targets: Modules as ``sft.lora.target_modules`` names them: the last parts of their names.

    Raises:
        ModelError: The folder's weights cannot be read.
    """
    modules = _matrices(folder)
    tied = not any(module.endswith(_OUTPUT) for module in modules)
    last = sorted({module.rpartition(".")[2] for module in modules})
    for i, target in enumerate(targets):
        key = f"sft.lora.target_modules[{i}]"
        if target == ALL_LINEAR:
            continue
        if tied and target.rpartition(".")[2] in (_INPUT, _OUTPUT):
            yield (
                f"{key}: {target!r} is tied in {folder}: input and output embedding are one matrix, "
                f"which an adapter of either would tear apart"
            )
        elif not any(_names(target, module) for module in modules):
            yield f"{key}: {folder} has no module {target!r}{suggestion(target, last)}"


def adapter_parameters(folder: Path, targets: Sequence[str], rank: int) -> int:
    """Weights of the adapters of a rank: two matrices for each module, one as wide as its input, one as its output."""
    return sum(
        rank * (outputs + inputs)
        for module, (outputs, inputs) in _matrices(folder).items()
        if any(_names(target, module) for target in targets)
    )


def _matrices(folder: Path) -> Mapping[str, tuple[int, ...]]:
    """Module -> shape of its matrix."""
    shapes = weights.shapes(folder)
    return {name.removesuffix(".weight"): shape for name, shape in shapes.items() if len(shape) == 2}


def _names(target: str, module: str) -> bool:
    """Whether a target means a module, as peft reads it."""
    if target == ALL_LINEAR:
        return not module.endswith((_INPUT, _OUTPUT))
    return f".{module}".endswith(f".{target}")
