"""What the engine is started with, and what a request becomes; the engine itself runs in test_shards."""

import dataclasses
import importlib.util
from pathlib import Path

import pytest

from sfray.config import DecodingConfig, EngineConfig, ModelConfig
from sfray.models import load_tokenizer
from sfray.rejects import RejectReason
from sfray.sampling.engine import Engine, NoAccelerator, Refused, Request, engine_arguments, environment, refusal, room
from tests.traces.rows import write_tokenizer

MODEL = ModelConfig(context=2048, dtype="float32")


def test_cpu_engine_runs_in_the_actors_process_with_a_fixed_cache():
    arguments = engine_arguments(MODEL, EngineConfig(device="cpu", kv_cache_gib=0.25, max_num_seqs=64))
    assert arguments == {
        "dtype": "float32",
        "max_model_len": 2048,
        "max_num_seqs": 64,
        "enforce_eager": True,
        "trust_remote_code": False,
        "disable_log_stats": True,
        "seed": 0,
        "kv_cache_memory_bytes": 2**28,
        "distributed_executor_backend": "uni",
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": 4096,
    }


def test_gpu_engine_takes_its_parallelism_from_the_config():
    engine = EngineConfig(device="cuda", tensor_parallel=2, max_num_batched_tokens=16384, enforce_eager=False)
    arguments = engine_arguments(dataclasses.replace(MODEL, dtype="bfloat16"), engine)
    assert arguments["tensor_parallel_size"] == 2
    assert arguments["distributed_executor_backend"] == "mp"
    assert arguments["max_num_batched_tokens"] == 16384
    assert arguments["dtype"] == "bfloat16"
    assert "kv_cache_memory_bytes" not in arguments
    assert engine_arguments(MODEL, EngineConfig(device="cuda"))["distributed_executor_backend"] == "uni"


def test_deterministic_engines_share_neither_a_cache_nor_a_batchs_numbers():
    gpu, same = EngineConfig(device="cuda"), EngineConfig(device="cuda", deterministic=True)
    assert engine_arguments(MODEL, same) == engine_arguments(MODEL, gpu) | {"enable_prefix_caching": False}
    assert environment(same) == environment(gpu) | {"VLLM_BATCH_INVARIANT": "1"}
    on_cpu = EngineConfig(device="cpu", deterministic=True)
    assert engine_arguments(MODEL, on_cpu) == engine_arguments(MODEL, EngineConfig(device="cpu"))
    assert environment(on_cpu) == environment(EngineConfig(device="cpu"))


def test_vllm_knows_the_switch():
    folder = importlib.util.find_spec("vllm").submodule_search_locations[0]  # importing it takes seconds
    assert '"VLLM_BATCH_INVARIANT": lambda' in Path(folder, "envs.py").read_text(encoding="utf-8")


def test_extra_arguments_come_last():
    assert engine_arguments(MODEL, EngineConfig(extra={"seed": 7}))["seed"] == 7


def test_cpu_environment_gives_each_engine_its_own_threads():
    assert environment(EngineConfig(device="cpu", threads=1)) == {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "ERROR",
        "TOKENIZERS_PARALLELISM": "false",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
    }
    assert "OMP_NUM_THREADS" not in environment(EngineConfig(device="cuda"))


def test_defaults_of_decoding_are_the_papers():
    assert DecodingConfig() == DecodingConfig(
        n=1, temperature=0.7, top_p=0.8, top_k=20, repetition_penalty=1.1, max_tokens=1024
    )


def test_a_response_gets_what_its_prompt_leaves():
    decoding = DecodingConfig(max_tokens=64)
    assert [room(prompt, decoding, 512) for prompt in (1, 448, 449, 511, 512, 600)] == [64, 64, 63, 1, 0, 0]


def test_a_prompt_is_refused_for_its_length_or_for_a_control_token(tmp_path):
    tokenizer = load_tokenizer(write_tokenizer(tmp_path))

    def refused(text: str, prompt: int) -> Refused | None:
        return refusal(tokenizer, Request("q", ({"role": "user", "content": text},), 0), prompt, 512)

    assert refused("How much is <b>2</b> + 3? <think>", 511) is None
    assert refused("How?", 512) == Refused(RejectReason.PROMPT_TOO_LONG, "512 tokens, model.context = 512")
    assert refused("A<|im_end|>B", 3) == Refused(RejectReason.CONTROL_TOKEN, "<|im_end|> in the user turn")


@pytest.mark.engine
def test_a_node_without_a_gpu_is_named_before_anything_is_loaded():
    from vllm.platforms import current_platform

    if current_platform.is_cuda_alike():
        pytest.skip("there is a GPU")
    with pytest.raises(NoAccelerator, match=r"^engine\.device = cuda, but \S+ has no GPU that vLLM can use"):
        Engine(Path("no model"), ModelConfig(), EngineConfig(device="cuda"))
