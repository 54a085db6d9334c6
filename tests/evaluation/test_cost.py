import json
import struct

import pytest

from sfray.config import SftConfig
from sfray.evaluation.cost import Cost, parameters, sft_cost


def _safetensors(path, shapes):
    header = {"__metadata__": {"format": "pt"}} | {
        name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()
    }
    raw = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw)


def test_parameters_add_up_over_files(tmp_path):
    _safetensors(tmp_path / "model-00001-of-00002.safetensors", {"embed": [100, 8], "norm": [8]})
    _safetensors(tmp_path / "model-00002-of-00002.safetensors", {"head": [8, 3], "scale": []})
    assert parameters(tmp_path) == 800 + 8 + 24 + 1


def test_no_weights_no_count(tmp_path):
    assert parameters(tmp_path) is None


def test_a_broken_file_is_no_count(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 16)
    with pytest.raises(ValueError, match="not a safetensors file"):
        parameters(tmp_path)


def test_cost_by_hand():
    assert sft_cost(10, 1000, SftConfig(batch=4, epochs=2), 50) == Cost(steps=6, tokens=2000, flops=600_000.0)
    assert sft_cost(10, 1000, SftConfig(batch=4, epochs=2, max_steps=3), None) == Cost(3, 1000, None)
    assert sft_cost(0, 0, SftConfig(), 50) == Cost(0, 0, 0.0)
