"use strict";
// The browser's filters, and two models' answers to the same questions side by side. Without scripts every entry is
// simply there.
const filters = document.getElementById("filters");
if (filters) {
  const list = document.getElementById("entries");
  const pairs = document.getElementById("pairs");
  const entries = Array.from(list.children);
  const shown = document.getElementById("shown");

  const fits = (entry, wanted, keys) => {
    const text = wanted.get("text").trim().toLowerCase();
    return (
      keys.every((key) => !wanted.get(key) || entry.dataset[key] === wanted.get(key)) &&
      (!text || entry.textContent.toLowerCase().includes(text))
    );
  };

  const filter = (wanted) => {
    let count = 0;
    for (const entry of entries) {
      entry.hidden = !fits(entry, wanted, ["kind", "group", "correct"]);
      count += !entry.hidden;
    }
    shown.value = `${count} shown`;
  };

  // Each answer that fits, beside the other model's to the same question.
  const pair = (wanted) => {
    const others = new Map(
      entries.filter((e) => e.dataset.kind === wanted.get("beside")).map((e) => [e.dataset.question, e]),
    );
    const rows = entries
      .filter((e) => e.dataset.kind !== wanted.get("beside") && others.has(e.dataset.question))
      .filter((e) => fits(e, wanted, ["kind", "group", "correct"]))
      .map((entry) => {
        const row = document.createElement("div");
        row.className = "pair";
        for (const side of [entry, others.get(entry.dataset.question)]) {
          const copy = row.appendChild(side.cloneNode(true));
          copy.hidden = false;
          copy.open = true;
        }
        return row;
      });
    pairs.replaceChildren(...rows);
    shown.value = `${rows.length} pairs`;
  };

  const apply = () => {
    const wanted = new FormData(filters);
    const paired = Boolean(wanted.get("beside"));
    list.hidden = paired;
    pairs.hidden = !paired;
    if (paired) {
      pair(wanted);
    } else {
      pairs.replaceChildren();
      filter(wanted);
    }
  };
  filters.addEventListener("input", apply);
  filters.addEventListener("submit", (event) => event.preventDefault());
  apply();
}
