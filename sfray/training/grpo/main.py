"""The process that runs verl: ``python -m sfray.training.grpo.main KEY=VALUE …``.

It does what ``python -m verl.trainer.main_ppo`` does, with four differences: it dies with
the process that started it, it pushes synthetic answers through verl's own reward path
first, it knows the trainer of :mod:`sfray.training.grpo.trainer`, and on CPU it is itself
verl's task runner, which saves a process.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

_PR_SET_PDEATHSIG = 1

_FORWARDED = ("VERL_FILE_LOGGER_PATH", "PYTHONPATH", "TQ_PERF_LOG_FLUSH_INTERVAL")
"""Environment that verl's actors need on whatever node they land; on CPU they need all of ``verl_cpu``'s too."""


def die_with_parent(parent: int) -> None:
    """Asks the kernel to kill this process when its parent ends, however it ends.

    Args:
        parent: Process id of the expected parent; when it is gone already, this process ends.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    """Composes verl's config from the command line and trains."""
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # into the log, where the driver asks for it
    if parent := os.environ.get("SFRAY_PARENT"):
        die_with_parent(int(parent))

    import hydra
    import verl.trainer.main_ppo as verl_main
    from omegaconf import DictConfig, open_dict

    from sfray.training.grpo import guard
    from sfray.training.grpo.following import Following
    from sfray.training.grpo.probe import probe_verl

    @hydra.main(config_path="pkg://verl.trainer.config", config_name="ppo_trainer", version_base=None)
    def train(config: DictConfig) -> None:
        """Does the work of ``verl.trainer.main_ppo.main``, with the reward probed first."""
        verl_main.auto_set_device(config)
        verl_main.validate_config(
            config=config,
            use_reference_policy=verl_main.need_reference_policy(config),
            use_critic=verl_main.need_critic(config),
        )
        probe_verl(config)
        Following.start()
        with open_dict(config):
            config.ray_kwargs.ray_init.runtime_env.env_vars = _forwarded(config.trainer.device)
        verl_main.run_ppo(config, task_runner_class=_runner(config.trainer.device))

    try:
        train()
    except guard.RolloutMismatch as error:  # Ray's wrapper of it is one too
        print(f"{guard.TITLE}: {error}", flush=True)
        sys.exit(guard.STOPPED)


def _forwarded(device: str) -> dict[str, str]:
    """What this process hands on to verl's actors."""
    from sfray.training.grpo import verl_cpu

    names = [*_FORWARDED, *(verl_cpu.environment() if device == "cpu" else ())]
    return {name: os.environ[name] for name in names if name in os.environ}


@dataclass(frozen=True)
class ClusterRunner:
    """verl's task runner, an actor of its own.

    It is made after Ray has put its own handler of SIGTERM in place. ``ray job stop`` sends that signal to all
    processes below the driver, and it is the driver who decides when this one ends.
    """

    actor: Any

    def options(self, **given: Any) -> ClusterRunner:
        """The same with options of Ray's."""
        return ClusterRunner(self.actor.options(**given))

    def remote(self) -> Any:
        """Starts the actor."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return self.actor.remote()


def _runner(device: str) -> Any:
    """verl's task runner: an actor of its own on a cluster, this very process on CPU."""
    import ray
    from verl.trainer.main_ppo import TaskRunnerV1

    class Runner(TaskRunnerV1.__ray_metadata__.modified_class):  # type: ignore[misc, name-defined] # an actor's class
        """verl's task runner, in whose process the guarded trainer is registered."""

        def run(self, config: object) -> None:
            """Trains."""
            import sfray.training.grpo.trainer  # noqa: F401 - registers itself

            super().run(config)

    if device != "cpu":
        return ClusterRunner(ray.remote(Runner))

    class Remote:
        """Offers ``run.remote`` for a method that runs here."""

        @staticmethod
        def remote(config: object) -> object:
            """Runs verl's task runner here; its result is a reference, as of an actor's method."""
            Runner().run(config)
            return ray.put(None)

    class HereRunner:
        """Stands where verl starts its runner with ``task_runner_class.remote()``."""

        run = Remote

        @classmethod
        def remote(cls) -> HereRunner:
            """Stands for the creation of an actor."""
            return cls()

    return HereRunner


if __name__ == "__main__":
    main()
