// Live parts: a stream says that something changed, the server draws what is now true. What people type, select or
// opened is theirs: nothing here reloads the page or replaces a form.

const PAUSE_BETWEEN = 1000;

export function follow() {
  const region = document.querySelector("[data-live]");
  if (!region) return;
  const announce = document.querySelector("[data-announce]");
  const button = document.querySelector("[data-live-pause]");
  let source, due, last = 0, paused = false, waiting = false, over = false, said = region.dataset.state;
  let pressed = false;

  // Opened details stay open, and the focus stays where it is: found again by its id, or what it leads to.
  function replace(part, fresh) {
    const open = [...part.querySelectorAll("details[open][id]")].map((inner) => inner.id);
    const again = placeOf(part, document.activeElement);
    part.replaceChildren(...fresh.childNodes);
    for (const id of open) part.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    if (again) part.querySelectorAll(again.selector)[again.place]?.focus({ preventScroll: true });
    part.dispatchEvent(new CustomEvent("redrawn", { bubbles: true }));
  }

  function placeOf(part, element) {
    if (!element || !part.contains(element)) return undefined;
    const details = element.matches("summary") ? element.closest("details[id]") : undefined;
    const selector = element.id ? `#${CSS.escape(element.id)}`
      : details ? `#${CSS.escape(details.id)} > summary`
      : element.hasAttribute("href") ? `a[href="${CSS.escape(element.getAttribute("href"))}"]` : undefined;
    return selector && { selector, place: [...part.querySelectorAll(selector)].indexOf(element) };
  }

  // Somebody is about to copy a number, writes into a form, or has a button half pressed: it stays until the selection is
  // gone, what was written, or the pointer up. A press on what was replaced meanwhile would do nothing.
  function isInUse(part) {
    if (pressed) return true;
    const selection = document.getSelection();
    const isSelected = selection && !selection.isCollapsed && selection.containsNode(part, true);
    return isSelected || isWritten(part);
  }

  function isWritten(part) {
    return [...part.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field.value !== field.defaultValue);
  }

  async function ask(address) {
    try {
      const answer = await fetch(address, { headers: { accept: "text/html" } });
      return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : undefined;
    } catch { return undefined; }
  }

  async function redraw() {
    due = undefined;
    last = Date.now();
    const page = await ask(region.dataset.live);
    const fresh = page?.body.firstElementChild;
    if (!fresh || paused) return;
    if (isInUse(region)) { wait(); return; }
    replace(region, fresh);
    if (fresh.dataset.over === "yes" && !over) {
      over = true;
      source?.close();
      tell("");
    }
    // Only a change of state is read out, not each step.
    const state = fresh.dataset.state;
    if (state && state !== said) {
      said = state;
      if (announce) announce.textContent = state;
      await redrawOthers();
    }
  }

  // The parts of the page that follow a change of state: where it stands, the verdict, new posts of the thread.
  async function redrawOthers() {
    const parts = [...document.querySelectorAll("[data-follow]")];
    if (parts.length === 0) {
      if (over) tell("The verdict is in: ", region.dataset.page);
      return;
    }
    const page = await ask(location.pathname);
    if (!page) { tell("There is news: ", location.pathname); return; }
    for (const part of parts) {
      const fresh = page.querySelector(`[data-follow="${part.dataset.follow}"]`);
      if (fresh && !isInUse(part)) replace(part, fresh);
    }
    const posts = document.querySelector("[data-posts]");
    // Each where it stands in its conversation: after the one that comes before it.
    let before;
    for (const post of page.querySelectorAll("[data-posts] > li")) {
      const here = document.getElementById(post.id);
      if (!here && before) before.after(post);
      else if (!here) posts?.append(post);
      before = here ?? post;
    }
    if (posts?.childElementCount) document.querySelector("[data-no-posts]")?.remove();
    if (over && document.getElementById("verdict-word")) tell("The verdict is in: ", "#verdict-word");
  }

  // A line beside the live part; empty to take it away.
  function tell(text, link) {
    let line = document.querySelector("[data-live-status]");
    if (!line) {
      line = document.createElement("p");
      line.className = "notice";
      line.dataset.liveStatus = "";
      line.setAttribute("role", "status");
      region.before(line);
    }
    line.hidden = text === "";
    line.replaceChildren(text);
    if (link) {
      const to = document.createElement("a");
      to.href = link;
      to.textContent = "show it";
      line.append(to);
    }
  }

  function wait() {
    const held = isWritten(region);
    if (held) tell("What stands here waits until you have sent what you write.");
    const events = ["selectionchange", "input", "released"];
    waiting = true;
    function again() {
      if (isInUse(region)) return;
      waiting = false;
      for (const event of events) document.removeEventListener(event, again);
      if (held) tell("");
      soon();
    }
    for (const event of events) document.addEventListener(event, again);
  }

  function soon() {
    if (paused || due || waiting) return;
    due = setTimeout(redraw, Math.max(0, PAUSE_BETWEEN - (Date.now() - last)));
  }

  function open() {
    source = new EventSource(region.dataset.events);
    source.addEventListener("change", soon);
    source.addEventListener("open", () => {
      region.classList.remove("stale");
      if (!over) tell("");
      soon();
    });
    source.addEventListener("error", () => {
      if (over) return;
      // Not a page that looks alive while nothing reaches it.
      region.classList.add("stale");
      tell("No connection: what stands here may be old. Trying again.");
    });
  }

  document.addEventListener("pointerdown", () => { pressed = true; });
  for (const end of ["pointerup", "pointercancel"]) {
    // The click itself comes right after.
    document.addEventListener(end, () => setTimeout(() => {
      pressed = false;
      document.dispatchEvent(new CustomEvent("released"));
    }));
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
