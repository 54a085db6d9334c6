"use strict";
// The browser of traces and responses. The page holds them in compressed chunks (sfray/report/chunks.py). The index says
// enough of each to filter, count and list them; a chunk is opened when one of its entries is opened or searched.
const PAGE = 50; // entries in a page
const PAIRS = 10; // pairs in a page: both sides are open
const KEPT = 1000; // opened chunks that stay in memory, 250 million characters: a second search finds them there
const PATIENCE = 150; // milliseconds of typing, or of searching between two signs of life

const unpack = async (script) => {
  const packed = atob(script.textContent);
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i += 1) {
    bytes[i] = packed.charCodeAt(i);
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
};

const element = (tag, name, ...children) => {
  const made = document.createElement(tag);
  made.className = name;
  made.append(...children);
  return made;
};

const grouped = new Intl.NumberFormat("en");
const number = (value) => grouped.format(value);

// The pieces of a block without line breaks at its edges; none of a blank block.
const trimmed = (pieces) => {
  while (pieces.length && !pieces[0][1].trim()) {
    pieces.shift();
  }
  while (pieces.length && !pieces.at(-1)[1].trim()) {
    pieces.pop();
  }
  if (pieces.length) {
    pieces[0][1] = pieces[0][1].replace(/^\n+/, "");
    pieces.at(-1)[1] = pieces.at(-1)[1].replace(/\n+$/, "");
  }
  return pieces;
};

const browse = (form, { kinds, groups, levels, reasons, blocks, pieces, sizes, columns }) => {
  const chunks = Array.from(document.querySelectorAll("script.chunk"));
  const list = document.getElementById("entries");
  const shown = document.getElementById("shown");
  const pager = document.getElementById("pager");
  const count = columns.kind.length;
  const places = []; // of each entry: number of its chunk, and its place there
  sizes.forEach((size, chunk) => {
    for (let place = 0; place < size; place += 1) {
      places.push([chunk, place]);
    }
  });

  const opened = new Map();
  const open = (chunk) => {
    const content = opened.get(chunk) ?? unpack(chunks[chunk]);
    opened.delete(chunk); // the chunk used last is the last one
    opened.set(chunk, content);
    if (opened.size > KEPT) {
      opened.delete(opened.keys().next().value);
    }
    return content;
  };

  const facts = (i) => {
    const attempts = columns.attempts[i];
    const reason = reasons[columns.reason[i]].replaceAll("_", " ");
    return `${attempts} attempt${attempts === 1 ? "" : "s"} · ${number(columns.tokens[i])} tokens · ${reason}`;
  };

  // A text, cut as its chunk says.
  const response = (text, cut) => {
    const made = element("div", "response");
    let start = 0;
    for (const [block, ...flat] of cut) {
      const found = [];
      for (let k = 0; k < flat.length; k += 2) {
        found.push([pieces[flat[k]], text.slice(start, start + flat[k + 1])]);
        start += flat[k + 1];
      }
      const shown = trimmed(found).map(([piece, words]) => element("span", piece, words));
      if (shown.length) {
        made.append(element("div", blocks[block], ...shown));
      }
    }
    return made;
  };

  const fill = async (details, i) => {
    const [chunk, place] = places[i];
    const [id, prompt, gold, text, cut] = (await open(chunk))[place];
    details.append(
      element("p", "asked", prompt),
      response(text, cut),
      element("p", "id", gold ? `${id} · ${gold}` : id),
    );
  };

  // An entry; its text comes when it is opened. Resolves when an entry that is open from the start has its text.
  const entry = (i, isOpen) => {
    const kind = kinds[columns.kind[i]];
    const mark = columns.correct[i] ? "yes" : "no";
    const details = element(
      "details",
      "entry",
      element(
        "summary",
        "",
        element("span", `chip ${kind.color}`, kind.title),
        " ",
        element("span", `mark ${mark}`, mark === "yes" ? "✓" : "✗"),
        " ",
        element("b", "", groups[columns.group[i]]),
        " ",
        element("span", "facts", facts(i)),
      ),
    );
    Object.assign(details.dataset, { kind: kind.name, correct: mark, entry: i });
    if (isOpen) {
      details.open = true;
      return [details, fill(details, i)];
    }
    details.addEventListener("toggle", () => fill(details, i), { once: true });
    return [details, undefined];
  };

  let hits = []; // each an entry, or a pair of them
  let first = 0; // place among the hits of the first one on the page
  let paired = false;
  let state = ""; // said behind the count while a search goes on
  const length = () => (paired ? PAIRS : PAGE);

  const tell = () => {
    const end = Math.min(first + length(), hits.length);
    const range = hits.length ? `${number(first + 1)}–${number(end)} of ` : "";
    shown.value = `${range}${number(hits.length)} ${paired ? "pairs" : "shown"}${state}`;
    pager.elements.page.value = Math.floor(first / length()) + 1;
    pager.elements.page.max = Math.max(1, Math.ceil(hits.length / length()));
    pager.elements.before.disabled = first === 0;
    pager.elements.after.disabled = end === hits.length;
    pager.hidden = hits.length <= length();
  };

  const draw = async () => {
    const made = hits.slice(first, first + length()).map((hit) => {
      if (!paired) {
        return entry(hit, false);
      }
      const sides = hit.map((i) => entry(i, true));
      return [element("div", "pair", ...sides.map(([side]) => side)), Promise.all(sides.map(([, full]) => full))];
    });
    list.replaceChildren(...made.map(([drawn]) => drawn));
    tell();
    await Promise.all(made.map(([, full]) => full));
  };

  // For each entry the other model's same answer to the same question, if there is one.
  const partners = (kind) => {
    const key = (i) => `${columns.question[i]}/${columns.sample[i]}`;
    const theirs = new Map();
    for (let i = 0; i < count; i += 1) {
      if (columns.kind[i] === kind) {
        theirs.set(key(i), i);
      }
    }
    return (i) => (columns.kind[i] === kind ? undefined : theirs.get(key(i)));
  };

  const words = (i, [id, prompt, gold, text]) =>
    [kinds[columns.kind[i]].title, groups[columns.group[i]], facts(i), prompt, text, id, gold].join("\n");

  let turn = 0; // a later question to the browser makes an earlier one give up
  const apply = async () => {
    const mine = (turn += 1);
    const wanted = Object.fromEntries(new FormData(form));
    const text = wanted.text.trim().toLowerCase();
    const asked = ["kind", "group", "correct"].filter((key) => wanted[key]).map((key) => [columns[key], +wanted[key]]);
    const partner = wanted.beside ? partners(+wanted.beside) : undefined;
    paired = Boolean(partner);
    hits = [];
    first = 0;
    state = "";
    list.ariaBusy = "true";
    let drawn = 0;
    let told = performance.now();
    let at; // the chunk that is searched
    let content;
    for (let i = 0; i < count; i += 1) {
      if (!asked.every(([column, value]) => column[i] === value)) {
        continue;
      }
      const other = partner?.(i);
      if (paired && other === undefined) {
        continue;
      }
      if (text) {
        const [chunk, place] = places[i];
        if (chunk !== at) {
          at = chunk;
          content = await open(chunk);
          if (mine !== turn) {
            return;
          }
        }
        if (performance.now() - told > PATIENCE) {
          state = `, searching: ${Math.floor((100 * i) / count)} %`;
          if (drawn < Math.min(hits.length, length())) {
            drawn = hits.length;
            void draw();
          } else {
            tell();
          }
          await new Promise((resume) => setTimeout(resume)); // lets the page be drawn, and used
          if (mine !== turn) {
            return;
          }
          told = performance.now();
        }
        if (!words(i, content[place]).toLowerCase().includes(text)) {
          continue;
        }
      }
      hits.push(paired ? [i, other] : i);
    }
    state = "";
    await draw();
    if (mine === turn) {
      list.ariaBusy = "false";
    }
  };

  const turnTo = (page) => {
    const last = Math.max(1, Math.ceil(hits.length / length()));
    first = (Math.min(Math.max(1, page || 1), last) - 1) * length();
    void draw();
  };

  const choose = (name, options) => {
    form.elements[name].append(...options.map(([title, value]) => new Option(title, value)));
  };
  const named = kinds.map((kind, i) => [kind.title, i, kind.name]);
  choose("kind", named);
  choose("group", levels.map((level) => [level, groups.indexOf(level)]));
  choose("beside", named.filter(([, , name]) => name !== "trace"));

  let typing;
  form.addEventListener("input", (event) => {
    clearTimeout(typing);
    typing = setTimeout(apply, event.target.name === "text" ? PATIENCE : 0);
  });
  for (const part of [form, pager]) {
    part.addEventListener("submit", (event) => event.preventDefault());
  }
  pager.elements.before.addEventListener("click", () => turnTo(Math.floor(first / length())));
  pager.elements.after.addEventListener("click", () => turnTo(Math.floor(first / length()) + 2));
  pager.elements.page.addEventListener("change", (event) => turnTo(event.target.valueAsNumber));
  return apply();
};

const filters = document.getElementById("filters");
if (filters && !("DecompressionStream" in window)) {
  document.getElementById("shown").value = "This browser is too old to open the traces and responses.";
} else if (filters) {
  void unpack(document.getElementById("index")).then((index) => browse(filters, index));
}
