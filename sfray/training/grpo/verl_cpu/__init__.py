"""verl on CPU, through verl's own extension points: no file of verl or vLLM is edited.

    cpu_platform       device "cpu" as a verl platform, and two compatibility hooks
    engine             the FSDP2 engine for that device
    worker_extension   keeps vLLM's weights replaceable after CPU packing
    agent_loop         rewards in the process of the rollouts, which saves one

Each hook was written against the versions below and refuses others, because it leans on
what those versions do; ``tests/training/grpo/verl_cpu`` shows each one to be needed.
"""

VERL_VERSION = "0.9.1"
VLLM_VERSION = "0.29.0"


def environment(threads: int = 1) -> dict[str, str]:
    """What every process of verl needs in its environment on CPU.

    Args:
        threads: OMP threads per process. Processes share the cores, so one is best.
    """
    return {
        "VERL_PLATFORM": "cpu",
        "VERL_USE_EXTERNAL_MODULES": "sfray.training.grpo.verl_cpu.cpu_platform",
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_LOGGING_LEVEL": "WARN",
        "OMP_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": "false",
        "TQ_NUM_THREADS": "2",
        # Worker processes start when they are needed, not in advance.
        "RAY_prestart_worker_first_driver": "0",
        "RAY_worker_niceness": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
