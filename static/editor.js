// Keeps the fields of a specification and its TOML in step, by asking the server.

const QUIET = 600;

export function keepInStep() {
  const form = document.querySelector("form[data-editor]");
  if (!form) return;
  const toml = form.querySelector("[name=toml]");
  const fields = form.querySelector("[data-fields]");
  const status = form.querySelector("[data-editor-status]");
  let timer, turn = 0;

  for (const button of form.querySelectorAll("[data-in-step]")) button.hidden = true;

  // `values` are a draft's in place of the form's own.
  async function ask(action, values) {
    clearTimeout(timer);
    const mine = ++turn;
    const body = new URLSearchParams(values ?? new FormData(form));
    body.set("action", action);
    let page;
    try {
      // Not form.action: the buttons have that name.
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body });
      if (answer.status === 401 || answer.redirected) { signedOut(); return; }
      if (!answer.ok) { status.textContent = "The server could not read this; what you typed is kept here."; return; }
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch { status.textContent = "The server does not answer; what you typed is kept here."; return; }
    // Something was typed since: a newer question is under way.
    const fresh = page.querySelector("form[data-editor]");
    if (mine !== turn) return;
    if (!fresh) { status.textContent = "The server answered with another page; what you typed is kept here."; return; }
    if (action !== "read") toml.value = fresh.querySelector("[name=toml]").value;
    if (action === "apply") {
      markFields(fresh);
    } else {
      fields.replaceChildren(...fresh.querySelector("[data-fields]").childNodes);
      listen();
    }
    status.textContent = fresh.querySelector("[data-editor-status]").textContent;
    // What stands here now is what a draft keeps.
    form.dispatchEvent(new Event("synced"));
    for (const id of ["toml-problems", "editor-picture"]) {
      document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
    }
    for (const name of ["aria-invalid", "aria-describedby"]) copy(fresh.querySelector("[name=toml]"), toml, name);
  }

  function signedOut() {
    const link = document.createElement("a");
    link.href = "/sign-in";
    link.target = "_blank";
    link.textContent = "Sign in in another tab";
    status.replaceChildren("Your session ended, so nothing is checked any more. What you typed is kept here. ", link, ", then go on.");
  }

  // While somebody types in a field, only what is said about the fields changes.
  function markFields(fresh) {
    for (const field of fields.querySelectorAll("input, select")) {
      const twin = fresh.elements.namedItem(field.name);
      if (!twin) continue;
      if (field.type === "hidden") { field.value = twin.value; continue; }
      for (const name of ["aria-invalid", "aria-describedby", "placeholder"]) copy(twin, field, name);
      if (field.tagName === "SELECT" && field !== document.activeElement) field.innerHTML = twin.innerHTML;
      document.getElementById(`${field.id}-error`)?.remove();
      const error = fresh.querySelector(`#${CSS.escape(field.id)}-error`);
      if (error) field.after(error);
      const hint = document.getElementById(`${field.id}-hint`);
      if (hint) hint.textContent = fresh.querySelector(`#${CSS.escape(field.id)}-hint`)?.textContent ?? "";
    }
    for (const list of fields.querySelectorAll("datalist")) {
      list.innerHTML = fresh.querySelector(`#${CSS.escape(list.id)}`)?.innerHTML ?? "";
    }
    // What has just become of interest opens; nothing closes under somebody's hands.
    for (const details of fields.querySelectorAll("details[id]")) {
      if (fresh.querySelector(`#${CSS.escape(details.id)}[open]`)) details.open = true;
    }
  }

  function copy(from, to, name) {
    const value = from.getAttribute(name);
    if (value === null) to.removeAttribute(name); else to.setAttribute(name, value);
  }

  function later(action) {
    clearTimeout(timer);
    turn++;
    timer = setTimeout(() => ask(action), QUIET);
  }

  function listen() {
    for (const field of fields.querySelectorAll("input, select")) {
      field.addEventListener("input", () => later("apply"));
    }
    for (const button of fields.querySelectorAll("button[name=action]")) {
      button.addEventListener("click", (event) => { event.preventDefault(); ask(button.value); });
    }
  }
  toml.addEventListener("input", () => later("read"));
  form.addEventListener("draft", (event) => ask("keep", event.detail));
  listen();
}
