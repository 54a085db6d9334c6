"""The page at 50,000 responses, opened from its file in headless Chromium."""

import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from benchmarks import chromium
from sfray.config import Config
from sfray.records import Completion
from sfray.report import page
from sfray.store.account import Account
from sfray.store.manifest import Manifest
from tests.evaluation.rows import RIGHT, WRONG, completion, question, write_parts, write_questions
from tests.report import packed
from tests.report.test_chunks import HOSTILE, entry, pack

QUESTIONS, SHARD = 25_000, 1_000
ATTACK = "</script><script>window.attacked = true</script><img src=x onerror='window.attacked = true'>\u2028\x00"
FILLER = "so I add them up, and see what is left of it. " * 20
SECONDS = 240

pytestmark = pytest.mark.skipif(chromium.command() is None, reason="Chromium is not installed")

STEPS = """
const list = document.getElementById("entries"), form = document.getElementById("filters");
const pager = document.getElementById("pager"), shown = document.getElementById("shown");
const until = async (done) => { while (!done()) { await new Promise((go) => setTimeout(go, 5)); } };
const ready = () => until(() => list.ariaBusy === "false");
const set = async (wanted) => {
  for (const [name, value] of Object.entries(wanted)) { form.elements[name].value = value; }
  list.ariaBusy = "true";
  form.elements[Object.keys(wanted)[0]].dispatchEvent(new Event("input", { bubbles: true }));
  await ready();
  return shown.value;
};
const opened = async (entry) => {
  if (!entry.open) { entry.querySelector("summary").click(); }
  await until(() => entry.querySelector(".id"));
  return Object.fromEntries(["asked", "response", "id"].map((n) => [n, entry.querySelector("." + n).textContent]));
};
await ready();
"""


def text_of(number: int, model: str) -> str:
    return f"<think><sample>{FILLER}</sample></think>\n{ATTACK} {model} says {number}. {RIGHT if number % 4 else WRONG}"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    root = tmp_path_factory.mktemp("many")
    asked = [question(i, str(3 + i % 2), text=f"Make 15. {ATTACK} {i}") for i in range(QUESTIONS)]
    questions = write_questions(root, eval=asked)
    likely = {False: completion(asked[0], 0, WRONG), True: completion(asked[0], 0, RIGHT)}
    models = {}
    for model in ("base", "grpo"):
        rows = [
            replace(likely[i % 4 > 0], id=f"{q.id}/0", question_id=q.id, level=q.level, text=text_of(i, model))
            for i, q in enumerate(asked)
        ]
        shards = [rows[i : i + SHARD] for i in range(0, QUESTIONS, SHARD)]
        models[model] = sorted(write_parts(root, model, Completion, shards).glob("part-*.parquet"))
    manifest = Manifest.read(questions / "manifest.json")
    sources = page.Sources(
        Config(), {"questions": questions}, {"questions": manifest}, None, models, None, {}, Account(), None
    )
    made = root / "report.html"
    with made.open("w", encoding="utf-8") as stream:
        stream.writelines(page.render(sources))
    return made


def ask(file, steps):
    return chromium.ask(chromium.command(), file, STEPS + steps, SECONDS)


def test_every_response_is_in_the_page_once(file):
    found = packed.read(file.read_text(encoding="utf-8"))
    assert [(e["kind"], e["text"]) for e in found] == [
        (model, text_of(i, model)) for model in ("base", "grpo") for i in range(QUESTIONS)
    ]


class _Shown(HTMLParser):
    """What is on the page."""

    def __init__(self):
        super().__init__()
        self.entries, self.attributes, self.said, self._output = 0, {}, "", False

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.entries += attributes.get("class") == "entry"
        self._output = tag == "output"
        if attributes.get("id") == "entries":
            self.attributes = attributes

    def handle_data(self, data):
        self.said += data if self._output else ""

    def handle_endtag(self, tag):
        self._output = False


def test_it_opens_as_it_is_from_its_file(file, tmp_path):
    arguments = [*chromium.FLAGS, f"--user-data-dir={tmp_path}", "--virtual-time-budget=20000", "--dump-dom"]
    command = [chromium.command(), *arguments, file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    shown = _Shown()
    shown.feed(done.stdout)
    assert (shown.said, shown.entries, shown.attributes["aria-busy"]) == ("1–50 of 50,000 shown", 50, "false")


def test_filters_search_and_pages_reach_every_response(file):
    said = ask(
        file,
        """
        const found = { all: await set({ kind: "" }) };
        found.wrong = await set({ correct: "0" });
        found.level = await set({ group: form.elements.group.options[1].value });
        found.grpo = await set({ kind: form.elements.kind.options[2].value });
        found.none = await set({ text: "nobody said this" });
        found.options = [...form.querySelectorAll("select")].map((s) => [...s.options].map((o) => o.text));
        found.one = await set({ kind: "", group: "", correct: "", text: "  GRPO says 24999. " });
        found.opened = await opened(list.querySelector(".entry"));
        found.many = await set({ text: "so i add them up" });
        pager.elements.page.value = 1000;
        pager.elements.page.dispatchEvent(new Event("change"));
        found.page = [shown.value, list.children.length, pager.elements.after.disabled];
        found.last = await opened(list.lastElementChild);
        pager.elements.before.click();
        found.before = shown.value;
        found.attacked = [window.attacked ?? null, document.images.length];
        return found;
        """,
    )
    last = {
        "asked": f"Make 15. {ATTACK} 24999",
        "response": text_of(24_999, "grpo").replace("</think>\n", "</think>"),
        "id": 'countdown-4:eval:024999/0 · {"numbers": [3, 5], "target": 15}',
    }
    assert said == {
        "all": "1–50 of 50,000 shown",
        "wrong": "1–50 of 12,500 shown",
        "level": "1–50 of 12,500 shown",
        "grpo": "1–50 of 6,250 shown",
        "none": "0 shown",
        "options": [
            ["all", "Base", "GRPO"],
            ["all", "countdown-3", "countdown-4"],
            ["any", "right", "wrong"],
            ["nothing", "Base", "GRPO"],
        ],
        "one": "1–1 of 1 shown",
        "opened": last,
        "many": "1–50 of 50,000 shown",
        "page": ["49,951–50,000 of 50,000 shown", 50, True],
        "last": last,
        "before": "49,901–49,950 of 50,000 shown",
        "attacked": [None, 0],
    }


def test_two_models_answers_to_a_question_are_side_by_side(file):
    said = ask(
        file,
        """
        const found = { pairs: await set({ beside: form.elements.beside.options[1].value }) };
        pager.elements.page.value = 2500;
        pager.elements.page.dispatchEvent(new Event("change"));
        const pair = list.lastElementChild;
        found.shown = shown.value;
        found.last = [(await opened(pair.children[0])), (await opened(pair.children[1]))].map((e) => e.response);
        found.kinds = [...pair.children].map((e) => e.dataset.kind);
        found.one = await set({ text: "says 17." });
        found.none = await set({ text: "base says 17." });
        return found;
        """,
    )
    assert said == {
        "pairs": "1–10 of 25,000 pairs",
        "shown": "24,991–25,000 of 25,000 pairs",
        "last": [text_of(24_999, model).replace("</think>\n", "</think>") for model in ("grpo", "base")],
        "kinds": ["grpo", "base"],
        "one": "1–1 of 1 pairs",
        "none": "0 pairs",
    }


def test_any_text_is_shown_as_it_is(file, tmp_path):
    chunks, index = pack([entry(i, text) for i, text in enumerate(HOSTILE)], size=200)
    html = re.sub('<script type="text/plain".*</script>\n', "", file.read_text(encoding="utf-8"))
    blocks = [f'<script type="text/plain" class="chunk">{chunk}</script>' for chunk in chunks]
    blocks.append(f'<script type="text/plain" id="index">{index}</script>')
    small = tmp_path / "small.html"
    small.write_text(html.replace("</main>", "".join(["</main>", *blocks])), encoding="utf-8")
    said = ask(small, "return Promise.all([...list.children].map(async (e) => (await opened(e)).response));")
    assert len(chunks) > 1
    assert said == [text if text.strip() else "" for text in HOSTILE]
