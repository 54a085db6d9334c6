from sfray.training.grpo.failure import causes, explain, hint

LOG = """\
INFO: all initialize finished
\x1b[36m(WorkerDict pid=71)\x1b[0m Traceback (most recent call last):
\x1b[36m(WorkerDict pid=71)\x1b[0m   File "x.py", line 1, in f
\x1b[36m(WorkerDict pid=71)\x1b[0m torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB
Traceback (most recent call last):
ray.exceptions.RayTaskError(OutOfMemoryError): \x1b[36mray::WorkerDict()\x1b[39m
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB
"""


def test_the_cause_comes_once_and_without_rays_prefix():
    assert causes(LOG) == ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"]


def test_a_wrapper_is_named_when_there_is_nothing_else():
    line = "ray.exceptions.ActorDiedError: The actor died"
    assert causes(f"{line}\n") == [line]


def test_lines_that_only_mention_errors_are_not_causes():
    log = "UserWarning: no megatron: ModuleNotFoundError(...)\nno Error here\nError executing job\n"
    assert causes(log) == []


def test_a_stop_by_the_guard_is_a_cause():
    stop = "RolloutMismatch: step 2: the probabilities of the rollout's tokens differ by 0.1 on average"
    assert causes(f"Traceback (most recent call last):\n{stop}\n") == [stop]
    assert hint(stop).startswith("Start again: if it happens again, the weights do not reach the rollout")


def test_hints():
    assert hint("torch.OutOfMemoryError: x").startswith("Lower grpo.micro_batch")
    assert hint("OSError: [Errno 28] No space left on device").startswith("Make room")
    assert hint("something else") == "The end of the log says more."


def test_explain_reads_only_the_last_launch(tmp_path):
    log = tmp_path / "verl.log"
    log.write_text("ValueError: of yesterday\n")
    offset = log.stat().st_size
    with log.open("a") as file:
        file.write(LOG)
    assert explain(log, offset, "verl ended with exit code 1") == (
        "grpo: verl ended with exit code 1\n"
        "  torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB\n"
        f"Log: {log}\n"
        "Hint: Lower grpo.micro_batch, grpo.rollout.max_num_seqs or grpo.rollout.\n"
        "The same command continues from the last checkpoint."
    )


def test_explain_shows_the_end_when_no_error_is_found(tmp_path):
    log = tmp_path / "verl.log"
    log.write_text("one\ntwo\n")
    assert "  one\n  two\n" in explain(log, 0, "stopped")


def test_a_lost_actor_is_a_cause():
    lost = "sfray.training.grpo.lost.ActorLost: 2 of verl's actors died: vllm_server_1_0: its node has died"
    assert causes(f"Traceback (most recent call last):\n{lost}\nWorkerDict_1:0: its node has died\n") == [lost]
    assert hint(lost) == "A node was lost; verl needs another in its place, see grpo.nodes."
