"""The SFT stage on the real engines, against a plain PyTorch loop written apart from it."""

import contextlib
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from sfray import models
from sfray.artifacts import Traces
from sfray.config import Config, EngineConfig, SftConfig
from sfray.io.arrow import to_table
from sfray.io.parquet import write_table
from sfray.records import Trace
from sfray.store.artifact import Artifact
from sfray.store.manifest import Manifest
from sfray.training.sft import stage as sft_stage
from sfray.training.sft.adapters import adapt
from sfray.training.sft.data import Rows
from sfray.training.sft.loop import Job, plan, read_metrics

DRIVER = Path(__file__).with_name("driver.py")
ROOT = Path(__file__).parents[3]
driver = runpy.run_path(str(DRIVER))
LONG = {"epochs": 20, "save_every": 10, "zero": 2}  # 120 steps: long enough to be killed in the middle


def start(folder: Path, **settings) -> subprocess.Popen:
    """Starts the stage in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    log = (folder / "driver.log").open("a")
    command = [sys.executable, str(DRIVER), str(folder), json.dumps(settings)]
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def finish(process: subprocess.Popen, folder: Path) -> None:
    """Waits for success."""
    assert process.wait(500) == 0, (folder / "driver.log").read_text()[-4000:]


def trainers(process: subprocess.Popen) -> list[psutil.Process]:
    """Ray Train's workers of a stage."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            if "RayTrainWorker" in "".join(child.cmdline()):
                found.append(child)
    return found


def wait_for_steps(path: Path, process: subprocess.Popen, steps: int) -> list[dict]:
    """Waits until so many steps are recorded."""
    deadline = time.monotonic() + 400
    while time.monotonic() < deadline:
        if len(recorded := read_metrics(path)) >= steps:
            return recorded
        assert process.poll() is None, (path.parents[1] / "driver.log").read_text()[-4000:]
        time.sleep(0.005)
    raise AssertionError("too slow")


def wait_until(condition: Callable[[], object]) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < deadline, "too slow"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("sft")
    driver["prepare"](made)
    return made


def plain_losses(folder: Path, stage: str, sft: dict) -> tuple[list[float], dict[str, torch.Tensor]]:
    """The same training in plain PyTorch, one row at a time: losses and final weights."""
    from transformers import AutoModelForCausalLM, get_scheduler

    config = driver["config"](folder, {"sft": sft})
    rows = Rows(folder / stage / "data.parquet")
    steps = plan(config, rows.ids)
    model = AutoModelForCausalLM.from_pretrained(folder / "base")
    if config.sft.lora.rank:
        model = adapt(model, config.sft.lora, config.run.seed)
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.sft.weight_decay},
        {"params": [p for p in trained if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=config.sft.lr, betas=tuple(config.sft.betas))
    warmup = -(-steps.steps // 20)
    rates = get_scheduler("cosine", optimizer, num_warmup_steps=warmup, num_training_steps=steps.steps)
    losses = []
    for step in range(steps.steps):
        total, count = torch.zeros(()), 0
        for row in steps.rows(step):
            ids, prompt = torch.tensor(rows.tokens(row).tolist())[None], int(rows.prompt_tokens[row])
            logits = model(input_ids=ids).logits[0, prompt - 1 : -1]
            total = total + functional.cross_entropy(logits, ids[0, prompt:], reduction="sum")
            count += ids.shape[1] - prompt
        (total / count).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.sft.clip)
        optimizer.step()
        rates.step()
        optimizer.zero_grad()
        losses.append(total.item() / count)
    return losses, (model.merge_and_unload() if config.sft.lora.rank else model).state_dict()


def check(folder: Path, stage: str, sft: dict) -> Manifest:
    """A finished stage equals the plain loop: losses and weights."""
    from transformers import AutoModelForCausalLM

    expected, weights = plain_losses(folder, stage, sft)
    recorded = read_metrics(folder / stage / "metrics.jsonl")
    assert [line["step"] for line in recorded] == list(range(1, len(expected) + 1))
    assert [line["loss"] for line in recorded] == pytest.approx(expected, abs=1e-5)
    trained = AutoModelForCausalLM.from_pretrained(folder / stage / "model").state_dict()
    for name, weight in weights.items():
        assert torch.allclose(trained[name], weight, atol=1e-4), name
    return Manifest.read(folder / stage / "manifest.json")


def test_nothing_to_train_on(folder, tmp_path):
    """All traces are too long: an error before any worker starts."""
    config = driver["config"](folder, {"sft": {"max_length": 400}})
    stage = Artifact(tmp_path / "sft", "sft", {}, {})
    stage.open()
    empty = tmp_path / "traces"
    write_table(empty / "part-00000.parquet", to_table(Trace, driver["traces"]()[-1:]))
    with pytest.raises(sft_stage.SftError, match=r"no trace to train on in .* \(1 too long for sft\.max_length\)"):
        sft_stage.train(config, stage, str(folder / "base"), Traces(empty))


def test_summary_leaves_the_first_step_out():
    lines = [
        {"loss": 3.0, "tokens": 10, "seconds": 100.0},
        {"loss": 2.0, "tokens": 30, "seconds": 2.0},
        {"loss": 1.0, "tokens": 50, "seconds": 2.0},
    ]
    assert sft_stage._summary(lines) == {"first_loss": 3.0, "last_loss": 1.0, "tokens_per_second": 20.0}
    assert sft_stage._summary(lines[:1])["tokens_per_second"] == 0.1


def test_padding_is_shown_and_recorded():
    lines = [
        {"loss": 3.0, "tokens": 90, "seconds": 1.0, "tokens_per_second": 90.0, "positions": 100},
        {"loss": 2.0, "tokens": 291, "seconds": 1.0, "tokens_per_second": 291.0, "positions": 300},
    ]
    assert sft_stage._summary(lines)["padded"] == 0.0475
    assert sft_stage._figures(lines[1]) == "loss 2.0000  291 tokens/s  3.0% padding"
    fast = lines[0] | {"tokens_per_second": 4000.0, "tflops": 0.03512}
    assert sft_stage._figures(fast) == "loss 3.0000  4,000 tokens/s  0.0351 TFLOP/s  10.0% padding"
    known = fast | {"tflops": 412.3, "mfu": 0.4169}
    assert sft_stage._figures(known) == "loss 3.0000  4,000 tokens/s  412 TFLOP/s (42% MFU)  10.0% padding"


@pytest.mark.parametrize(
    ("device", "nodes", "room"),
    [
        ("cpu", [{"CPU": 4.0}], None),
        ("cpu", [{"CPU": 2.0}, {"CPU": 2.0}], None),
        ("cpu", [{"CPU": 3.0}, {"CPU": 1.0}], 1),  # a worker never spans nodes
        ("cuda", [{"CPU": 8.0, "GPU": 1.0}], 1),
        ("cuda", [{"CPU": 8.0, "GPU": 1.0}, {"CPU": 8.0, "GPU": 1.0}], None),
        ("cpu", [], 0),
    ],
)
def test_nodes_that_do_not_hold_the_workers_are_waited_for_aloud(device, nodes, room):
    config = Config(sft=SftConfig(workers=2, cpus_per_worker=2), engine=EngineConfig(device=device))
    said = sft_stage.shortage(config, nodes)
    what = "1 GPU and 2 CPUs each" if device == "cuda" else "2 CPUs each"
    assert said == (
        None
        if room is None
        else f"sft: the nodes that are alive have room for {room} of sft.workers = 2 ({what}): it waits for another "
        "node, and goes on from the last checkpoint"
    )


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        (models.Folder(1, "bfloat16", 1, "t"), r"weights are bfloat16, model\.dtype is float32"),
        (models.Folder(1, "float32", 1, "u"), r"chat template is not that of base"),
    ],
)
def test_the_folder_must_be_what_the_next_stage_expects(shown, message):
    with pytest.raises(sft_stage.SftError, match=message):
        sft_stage._compare(
            Config(), shown, "t", Job(Config(), "base", "folder", Artifact(Path("folder"), "sft", {}, {}))
        )


@pytest.mark.engine
def test_a_failure_names_its_cause_and_the_logs(folder):
    process = start(folder, stage="failing", sft={"max_failures": 0, "deepspeed": {"optimizer": {"type": "Nonsense"}}})
    assert process.wait(500) == 1
    shown = (folder / "driver.log").read_text()
    assert "SftError: sft: training failed after 0 steps and more than sft.max_failures = 0 restarts" in shown
    assert "Nonsense" in shown
    assert "Workers' logs: " in shown
    assert not (folder / "failing" / "manifest.json").exists()


@pytest.mark.engine
@pytest.mark.parametrize(
    ("stage", "extra"),
    [
        ("one", {"zero": 1}),
        ("tokens", {"zero": 1, "micro_tokens": 200}),
        ("tokens_two", {"zero": 2, "workers": 2, "micro_tokens": 200}),
        # some ten pieces of each loss, not as many on both workers by themselves
        ("three", {"zero": 3, "workers": 2, "micro_batch": 1, "gradient_checkpointing": True, "logits_gib": 1e-5}),
    ],
)
def test_equals_a_plain_loop(folder, stage, extra):
    sft = {"gradient_checkpointing": False} | extra
    finish(start(folder, stage=stage, sft=sft), folder)
    manifest = check(folder, stage, sft)
    assert manifest.counts["traces"] == driver["TRACES"]
    assert manifest.counts["steps"] == 6
    assert manifest.rejects == {"too_long": 1}
    assert manifest.metrics["chat_template"] == "b6131735ee9110fc"
    shown = models.check_folder(folder / stage / "model")
    assert (shown.dtype, shown.parameters) == ("float32", 26976)


@pytest.fixture(scope="module")
def undisturbed(folder):
    """The long run, left alone."""
    finish(start(folder, stage="undisturbed", sft=LONG), folder)
    return folder / "undisturbed"


def check_same(folder: Path, undisturbed: Path, before: list[dict]) -> None:
    """Equal to the run that was left alone, bit by bit, and not by starting over.

    Args:
        before: The steps on record when the process was killed: those in a checkpoint
            were not done again, so they still have the same timings.
    """
    recorded, expected = read_metrics(folder / "metrics.jsonl"), read_metrics(undisturbed / "metrics.jsonl")
    assert len(recorded) == 120
    for key in ("step", "loss", "lr", "grad_norm", "tokens"):
        assert [line[key] for line in recorded] == [line[key] for line in expected]
    assert recorded[:10] == before[:10]
    trained, weights = (load_file(f / "model" / "model.safetensors") for f in (folder, undisturbed))
    assert trained.keys() == weights.keys()
    assert all(torch.equal(trained[name], weights[name]) for name in weights)


@pytest.mark.engine
@pytest.mark.timeout(2400)
def test_a_killed_worker_changes_nothing(folder, undisturbed):
    metrics = folder / "worker" / "metrics.jsonl"
    process = start(folder, stage="worker", sft=LONG)
    before = wait_for_steps(metrics, process, 35)
    workers = trainers(process)
    assert len(workers) == 1
    workers[0].send_signal(signal.SIGKILL)
    finish(process, folder)
    check_same(folder / "worker", undisturbed, before)
    incidents = [Manifest.read(f / "manifest.json").incidents for f in (undisturbed, folder / "worker")]
    assert incidents == [{}, {"groups_restarted": 1}]


@pytest.mark.engine
@pytest.mark.timeout(2400)
def test_a_driver_that_is_asked_to_end_saves_and_one_that_is_killed_continues(folder, undisturbed):
    stage = folder / "driver"
    asked, log = ended_in_the_middle(folder, signal.SIGTERM, 5)
    (step,) = map(int, re.findall(r"sft: step (\d+) of 120 is saved, [\d.]+ s after SIGTERM", log))
    assert asked.returncode == 128 + signal.SIGTERM
    saved = read_metrics(stage / "metrics.jsonl")
    assert len(saved) == step >= 5
    assert not (stage / "stop").exists()
    killed, _ = ended_in_the_middle(folder, signal.SIGKILL, step + 20)
    assert killed.returncode == -signal.SIGKILL
    before = read_metrics(stage / "metrics.jsonl")
    assert before[:step] == saved  # not done again: they have the same timings
    assert len(before) < 120
    assert not (stage / "manifest.json").exists()
    finish(start(folder, stage="driver", sft=LONG), folder)
    check_same(stage, undisturbed, before)


def ended_in_the_middle(
    folder: Path, number: signal.Signals, steps: int, stage: str = "driver", sft: dict = LONG, cpus: int = 2
) -> tuple[subprocess.Popen, str]:
    """Starts a run, sends its driver a signal after some steps, and waits until nothing of it is left.

    Of a driver that was killed, the training alone is waited for: Ray's agents look for their head for minutes first.

    Returns:
        The driver, which has ended, and the log of all drivers.
    """
    log = folder / "driver.log"
    earlier = log.stat().st_size if log.exists() else 0
    process = start(folder, stage=stage, sft=sft, cpus=cpus)
    wait_for_steps(folder / stage / "metrics.jsonl", process, steps)
    workers = trainers(process)
    assert len(workers) == sft.get("workers", 1)
    children = workers if number == signal.SIGKILL else psutil.Process(process.pid).children(recursive=True)
    if number == signal.SIGKILL:
        process.send_signal(number)
    else:
        for worker in workers:
            worker.suspend()  # it takes milliseconds for a step: it would reach the last one first
        wait_until(lambda: re.search(rb"sft: \d+/\d+ steps", log.read_bytes()[earlier:]))
        process.send_signal(number)
        wait_until((folder / stage / "stop").read_bytes)
        for worker in workers:
            worker.resume()
    process.wait(500)
    assert psutil.wait_procs(children, timeout=60)[1] == []  # without a driver they end by themselves
    return process, log.read_text()


@pytest.mark.engine
def test_adapters_equal_a_plain_loop_from_a_checkpoint_on_and_are_merged(folder):
    """The checkpoint holds the adapters alone, and an output layer that is tied, which DeepSpeed takes for another."""
    sft = {"zero": 2, "epochs": 8, "save_every": 100, "lora": {"rank": 4, "alpha": 8.0}}
    asked, _ = ended_in_the_middle(folder, signal.SIGTERM, 3, "lora", sft)
    assert asked.returncode == 128 + signal.SIGTERM
    assert len(read_metrics(folder / "lora" / "metrics.jsonl")) < 48
    (states,) = (folder / "lora" / "train").rglob("mp_rank_00_model_states.pt")
    saved = torch.load(states, weights_only=False)["module"]
    assert {name.split(".")[-3] for name in saved if "lm_head" not in name} == {"lora_A", "lora_B"}
    finish(start(folder, stage="lora", sft=sft), folder)
    assert check(folder, "lora", sft).counts["steps"] == 48
    assert models.check_folder(folder / "lora" / "model").parameters == 26976


@pytest.mark.engine
@pytest.mark.parametrize(
    "sharded", [{"zero": 3}, {"zero": 2, "lora": {"rank": 4, "alpha": 8.0}}], ids=["zero3", "lora"]
)
def test_fewer_workers_go_on_from_the_shares_of_more(folder, sharded):
    """The weight decay is one that shows: DeepSpeed's stage 3 gives it to all weights when it loads others' shares."""
    stage = "zero3" if sharded["zero"] == 3 else "fewer-lora"
    sft = {
        "workers": 2,
        "min_workers": 1,
        "cpus_per_worker": 1.5,
        "micro_batch": 1,
        "epochs": 4,
        "save_every": 100,
        "weight_decay": 0.5,
    } | sharded
    ended_in_the_middle(folder, signal.SIGTERM, 3, stage, sft, cpus=3)
    done = len(read_metrics(folder / stage / "metrics.jsonl"))
    finish(start(folder, stage=stage, sft=sft), folder)
    assert check(folder, stage, sft).counts["steps"] == 24
    workers = [line["workers"] for line in read_metrics(folder / stage / "metrics.jsonl")]
    assert workers == [2] * done + [1] * (24 - done)
    assert f"sft: from step {done + 1} on with 1 of sft.workers = 2" in (folder / "driver.log").read_text()
    assert not list((folder / stage).glob(".universal*"))


@pytest.mark.engine
def test_bfloat16_stays_bfloat16(folder):
    sft = {"zero": 2, "max_steps": 2}
    finish(start(folder, stage="bf16", sft=sft, model={"dtype": "bfloat16"}), folder)
    assert models.check_folder(folder / "bf16" / "model").dtype == "bfloat16"
    assert Manifest.read(folder / "bf16" / "manifest.json").counts["steps"] == 2
