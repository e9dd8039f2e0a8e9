// What is ticked on one list is still ticked on the next: the header's link compares all of it. Kept for this tab alone.
const KEY = "compare";
const KINDS = ["experiments", "runs"];

function read() {
  const none = { kind: "experiments", experiments: [], runs: [] };
  try { return { ...none, ...JSON.parse(sessionStorage.getItem(KEY)) }; } catch { return none; }
}

function keep(chosen) {
  try { sessionStorage.setItem(KEY, JSON.stringify(chosen)); } catch { /* ticked on this page alone */ }
}

const boxes = () => document.querySelectorAll("input[type=checkbox]:is([name=experiments], [name=runs])");

function show(chosen) {
  for (const box of boxes()) box.checked = chosen[box.name].includes(box.value);
  const link = document.querySelector("[data-compare]");
  const { kind } = chosen;
  const ids = chosen[kind];
  link.href = ids.length ? `/compare?${kind}=${ids.join(",")}` : "/compare";
  link.querySelector("[data-count]").textContent = ids.length ? ` ${ids.length}` : "";
  link.title = ids.length ? `Side by side: ${kind} ${ids.join(", ")}` : "";
}

// Of a comparison the address says what is chosen.
function ofAddress(chosen) {
  const asked = new URLSearchParams(location.search);
  for (const kind of KINDS) {
    const ids = asked.getAll(kind).join(",").split(",").map((id) => id.trim()).filter((id) => /^\d+$/.test(id));
    if (ids.length) return { ...chosen, kind, [kind]: ids };
  }
  return chosen;
}

export function keepChosen() {
  if (!document.querySelector("[data-compare]")) return;
  if (location.pathname === "/compare") keep(ofAddress(read()));
  show(read());
  // Also where the browser shows a page again that it had kept.
  addEventListener("pageshow", () => show(read()));
  document.addEventListener("change", ({ target: box }) => {
    if (![...boxes()].includes(box)) return;
    const chosen = read();
    const ids = chosen[box.name].filter((id) => id !== box.value);
    keep({ ...chosen, kind: box.name, [box.name]: box.checked ? [...ids, box.value] : ids });
    show(read());
  });
  // A page's own button compares what was ticked elsewhere, too.
  document.addEventListener("submit", ({ target: form }) => {
    if (form.getAttribute("action") !== "/compare") return;
    const ticked = [...boxes()].find((box) => box.form === form);
    const here = new Set([...boxes()].map((box) => box.value));
    for (const id of ticked ? read()[ticked.name] : []) {
      if (here.has(id)) continue;
      const field = Object.assign(document.createElement("input"), { type: "hidden", name: ticked.name, value: id });
      form.append(field);
      setTimeout(() => field.remove());
    }
  });
  const clear = document.querySelector("[data-compare-clear]");
  if (!clear) return;
  clear.hidden = false;
  clear.addEventListener("click", () => {
    keep({ kind: "experiments", experiments: [], runs: [] });
    location.assign("/compare");
  });
}
