// Live parts: a stream says that something changed, the server draws what is now true.

const PAUSE_BETWEEN = 1000;

export function follow() {
  const region = document.querySelector("[data-live]");
  if (!region) return;
  const announce = document.querySelector("[data-announce]");
  const button = document.querySelector("[data-live-pause]");
  let source, due, last = 0, paused = false, said = region.dataset.state;

  async function redraw() {
    due = undefined;
    last = Date.now();
    let answer;
    try { answer = await fetch(region.dataset.live, { headers: { accept: "text/html" } }); } catch { return; }
    if (!answer.ok || paused) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
    if (!fresh) return;
    // Opened details stay open, and the focus stays where it is.
    const open = [...region.querySelectorAll("details[open][id]")].map((part) => part.id);
    const focus = region.contains(document.activeElement) ? document.activeElement.id : "";
    region.replaceChildren(...fresh.childNodes);
    for (const id of open) region.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    if (focus) document.getElementById(focus)?.focus();
    // Only a change of state is read out, not each step.
    const state = fresh.dataset.state;
    if (state && state !== said) {
      said = state;
      if (announce) announce.textContent = state;
    }
    if (fresh.dataset.over === "yes") {
      source?.close();
      location.reload();
    }
  }

  function soon() {
    if (paused || due) return;
    due = setTimeout(redraw, Math.max(0, PAUSE_BETWEEN - (Date.now() - last)));
  }

  function open() {
    source = new EventSource(region.dataset.events);
    source.addEventListener("change", soon);
    source.addEventListener("open", soon);
  }

  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      paused = !paused;
      button.textContent = paused ? "Go on" : "Pause updates";
      button.setAttribute("aria-pressed", String(paused));
      if (!paused) soon();
    });
  }
  open();
}
