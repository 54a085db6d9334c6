"use strict";
// The trace browser's filters. Without scripts every entry is simply there.
const filters = document.getElementById("filters");
if (filters) {
  const entries = Array.from(document.querySelectorAll("#entries > .entry"));
  const shown = document.getElementById("shown");
  const apply = () => {
    const wanted = new FormData(filters);
    const text = wanted.get("text").trim().toLowerCase();
    let count = 0;
    for (const entry of entries) {
      const fits =
        ["kind", "group", "correct"].every((key) => !wanted.get(key) || entry.dataset[key] === wanted.get(key)) &&
        (!text || entry.textContent.toLowerCase().includes(text));
      entry.hidden = !fits;
      count += fits;
    }
    shown.value = `${count} shown`;
  };
  filters.addEventListener("input", apply);
  filters.addEventListener("submit", (event) => event.preventDefault());
  apply();
}
