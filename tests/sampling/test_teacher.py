"""A teacher's attempts: from a file, from an endpoint that fails now and then, and from vLLM's own server."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sfray.artifacts import Questions
from sfray.config import TeacherConfig
from sfray.config.settings import TeacherSettings
from sfray.io.arrow import from_table
from sfray.models import resolve
from sfray.records import Attempt, Reject
from sfray.sampling.endpoint import EndpointDown, EndpointRefuses
from sfray.sampling.teacher import teach
from sfray.store.artifact import Artifact
from tests.sampling.rows import CONFIG, QUESTION, stage, write_questions

ASKED = tuple(
    dataclasses.replace(QUESTION, id=f"countdown-3:sft:{i:06d}", text=f"{i}: {QUESTION.text}") for i in range(6)
)
RIGHT, WRONG = "So <answer>(3 + 5) * 8</answer>", "So <answer>3 + 5 + 8</answer>"


def settings(**teacher: Any) -> TeacherSettings:
    return TeacherSettings(CONFIG.run, "default", TeacherConfig(**teacher))


def taught(root: Path, config: TeacherSettings, output: Artifact | None = None) -> Artifact:
    """What a teacher makes of ``ASKED``, two questions a shard."""
    if not (root / "questions").exists():
        write_questions(root, questions=ASKED)
    made = output or stage(root, "teacher")
    teach(config, made, Questions(root / "questions", "sft"))
    return made


def attempts(made: Artifact) -> list[Attempt]:
    return [a for part in made.parts() for a in from_table(Attempt, pq.read_table(part))]


def rejects(made: Artifact) -> list[Reject]:
    return from_table(Reject, pq.read_table(made.path / "rejects.parquet"))


def test_responses_of_a_file_find_their_questions(tmp_path: Path):
    rows = [
        {"question": ASKED[0].id, "response": RIGHT},
        {"question": ASKED[4].text + "\n", "response": WRONG},
        {"question": ASKED[0].text, "response": WRONG},
        {"question": "Another one.", "response": RIGHT},
        {"question": ASKED[1].id, "response": None},
        {"question": ASKED[1].id},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in rows) + "torn {\n", encoding="utf-8")
    made = taught(tmp_path, settings(path=str(file)))
    assert [(a.id, a.variant, a.correct, a.answer) for a in attempts(made)] == [
        (f"{ASKED[0].id}/teacher/0", "teacher", True, "(3 + 5) * 8"),
        (f"{ASKED[0].id}/teacher/1", "teacher", False, "3 + 5 + 8"),
        (f"{ASKED[4].id}/teacher/0", "teacher", False, "3 + 5 + 8"),
    ]
    assert [(r.id, r.reason) for r in rejects(made)] == [
        ("rows.jsonl:3", "unknown_question"),
        ("rows.jsonl:4", "bad_value"),
        ("rows.jsonl:5", "bad_value"),
        ("rows.jsonl:6", "unreadable_row"),
    ]
    assert made.manifest.counts == {"rows": 3, "tokens": 0, "truncated": 0, "correct": 1, "prompt_tokens": 0}


class Server(ThreadingHTTPServer):
    """An endpoint that answers by script.

    Attributes:
        asked: Text of each request that was answered, and how often it came.
        faults: Status codes to answer the next requests with.
        broken: Numbers of the questions that it fails on; ``slow`` those that it takes half a second for.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()
        self.faults: list[int] = []
        self.broken: set[int] = set()
        self.slow: set[int] = set()
        self.bodies: list[dict[str, Any]] = []
        self.headers_: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.faults:
            return self.reply(self.server.faults.pop(), {"error": {"message": "by order"}})
        text = body["messages"][-1]["content"]
        number = int(text.partition(":")[0])
        if number in self.server.broken:
            return self.reply(500, {"error": {"message": "by order"}})
        if number in self.server.slow:
            time.sleep(0.5)
        self.server.asked[text] += 1
        self.server.bodies.append(body)
        self.server.headers_.append(self.headers["Authorization"])
        answer = RIGHT if number % 2 == 0 else WRONG
        message = {"role": "assistant", "content": answer}
        if text.startswith("5"):
            message["reasoning_content"] = "I add.\n"
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50}
        made = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
        return self.reply(200, made)

    def reply(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def test_an_endpoint_is_asked_once_for_each_attempt_and_its_tokens_are_counted(tmp_path: Path, server: Server):
    config = settings(url=server.url, model="m", n=2, extra={"top_k": 20}, input_price=1.0, output_price=100.0)
    made = taught(tmp_path, config)
    found = attempts(made)
    assert [a.id for a in found] == [f"{q.id}/teacher/{k}" for q in ASKED for k in (0, 1)]
    assert [a.correct for a in found] == [True, True, False, False] * 3
    assert found[-1].text == f"<think>\nI add.\n</think>\n\n{WRONG}"
    assert set(server.asked.values()) == {2}
    assert len({b["seed"] for b in server.bodies}) == 12
    assert {(b["model"], b["top_k"], b["temperature"]) for b in server.bodies} == {("m", 20, 0.7)}
    assert made.manifest.counts == {"rows": 12, "tokens": 120, "truncated": 0, "correct": 6, "prompt_tokens": 480}
    assert made.manifest.metrics["cost"] == pytest.approx((480 * 1.0 + 120 * 100.0) / 1e6)


def test_a_busy_endpoint_is_asked_again(tmp_path: Path, server: Server):
    server.faults = [429, 503, 500]
    made = taught(tmp_path, settings(url=server.url, model="m", concurrency=1))
    assert len(attempts(made)) == len(ASKED)
    assert set(server.asked.values()) == {1}


def test_an_endpoint_that_fails_ends_the_step_and_nothing_is_asked_twice(tmp_path: Path, server: Server):
    config = settings(url=server.url, model="m", concurrency=1, retries=0)
    slow = dataclasses.replace(config, teacher=dataclasses.replace(config.teacher, requests_per_minute=600))
    made = stage(tmp_path, "teacher")
    answered = server.asked

    def break_after(count: int) -> None:
        while answered.total() < count:
            time.sleep(0.001)
        server.faults = [500] * 9

    thread = threading.Thread(target=break_after, args=(3,))
    thread.start()
    with pytest.raises(EndpointDown, match=r"teacher\.url: .*run again to go on from here"):
        taught(tmp_path, slow, made)
    thread.join()
    assert 3 <= server.asked.total() < len(ASKED)
    server.faults = []
    made.open()
    taught(tmp_path, config, made)
    assert len(attempts(made)) == len(ASKED)
    assert set(server.asked.values()) == {1}


def test_what_is_on_its_way_when_another_request_fails_is_kept(tmp_path: Path, server: Server):
    server.slow, server.broken = {0}, {1}
    config = settings(url=server.url, model="m", concurrency=2, retries=0)
    made = stage(tmp_path, "teacher")
    with pytest.raises(EndpointDown):
        taught(tmp_path, config, made)
    assert server.asked.total() == 1
    server.broken = set()
    made.open()
    taught(tmp_path, config, made)
    assert len(attempts(made)) == len(ASKED)
    assert set(server.asked.values()) == {1}


def test_a_refused_key_and_an_unknown_model_are_named(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LAB_KEY", "secret")
    server.faults = [401]
    with pytest.raises(EndpointRefuses, match=r"teacher\.key: .* refuses \$LAB_KEY"):
        taught(tmp_path, settings(url=server.url, model="m", key="LAB_KEY", concurrency=1))
    server.faults = [404]
    with pytest.raises(EndpointRefuses, match=r"teacher\.model: .* has no 'm'"):
        taught(tmp_path, settings(url=server.url, model="m", concurrency=1))
    taught(tmp_path, settings(url=server.url, model="m", key="LAB_KEY", concurrency=1))
    assert set(server.headers_) == {"Bearer secret"}


def test_a_question_that_the_endpoint_does_not_take_is_a_reject(tmp_path: Path, server: Server):
    server.faults = [400]
    made = taught(tmp_path, settings(url=server.url, model="m", concurrency=1))
    assert [(r.id, r.reason) for r in rejects(made)] == [(f"{ASKED[0].id}/teacher/0", "teacher_refuses")]
    assert len(attempts(made)) == len(ASKED) - 1


def test_requests_are_paced(tmp_path: Path, server: Server):
    start = time.monotonic()
    taught(tmp_path, settings(url=server.url, model="m", requests_per_minute=1200))
    assert time.monotonic() - start >= 0.05 * (len(ASKED) - 1)


DRIVER = """
import sys
from pathlib import Path
from tests.sampling.test_teacher import settings, taught
from sfray.store.artifact import Artifact

root, url = Path(sys.argv[1]), sys.argv[2]
made = Artifact(root / "teacher", "teacher", {}, {})
made.open()
taught(root, settings(url=url, model="tiny", n=8, max_tokens=200, temperature=1.0, concurrency=2), made)
"""


def succeeded(port: int) -> int:
    """Requests that vLLM's server has answered."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        lines = reply.read().decode().splitlines()
    return int(sum(float(line.split()[-1]) for line in lines if line.startswith("vllm:request_success_total{")))


@pytest.fixture
def vllm_server(tmp_path: Path) -> Iterator[int]:
    """vLLM's own server with the embedded model; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(resolve("tiny"))]
    command += ["--served-model-name", "tiny", "--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"]
    command += ["--max-model-len", "1024", "--enforce-eager", "--no-enable-chunked-prefill", "--max-num-seqs", "16"]
    command += ["--kv-cache-memory-bytes", str(2**27), "--max-num-batched-tokens", "4096"]
    variables = os.environ | {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_NO_USAGE_STATS": "1", "OMP_NUM_THREADS": "1"}
    log = (tmp_path / "server.log").open("wb")
    process = subprocess.Popen(command, env=variables, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + 300
        while True:
            assert process.poll() is None, (tmp_path / "server.log").read_text()[-3000:]
            assert time.monotonic() < deadline, "the server did not start"
            try:
                succeeded(port)
                break
            except OSError:
                time.sleep(0.5)
        yield port
    finally:
        process.terminate()  # killed at once, it would leave its engine's 400 MB of shared memory
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.engine
def test_a_live_server_is_asked_nothing_twice_by_a_driver_that_is_killed(tmp_path: Path, vllm_server: int):
    write_questions(tmp_path, questions=ASKED)
    command = [sys.executable, "-c", DRIVER, str(tmp_path), f"http://127.0.0.1:{vllm_server}/v1"]
    first = subprocess.Popen(command)
    journals = tmp_path / "teacher" / "asked"
    while sum(len(p.read_bytes().splitlines()) for p in journals.glob("*.jsonl")) < 15:
        assert first.poll() is None
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    answered = sum(len(p.read_bytes().splitlines()) for p in journals.glob("*.jsonl"))
    time.sleep(2)  # the server ends what nobody waits for
    before = succeeded(vllm_server)
    assert 15 <= answered < 8 * len(ASKED)
    assert subprocess.run(command, check=False).returncode == 0
    made = Artifact(tmp_path / "teacher", "teacher", {}, {})
    found = attempts(made)
    assert sorted(a.id for a in found) == sorted(f"{q.id}/teacher/{k}" for q in ASKED for k in range(8))
    assert succeeded(vllm_server) - before == 8 * len(ASKED) - answered
    assert made.manifest.counts["tokens"] == sum(a.tokens for a in found) > 0
    assert len({a.text for a in found}) > 8
