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

  async function ask(direction) {
    const mine = ++turn;
    const body = new URLSearchParams(new FormData(form));
    body.set("action", direction);
    let answer;
    try {
      answer = await fetch(form.action, { method: "POST", body, headers: { "x-part": "editor" } });
    } catch { status.textContent = "The server does not answer; what you typed is kept here."; return; }
    if (mine !== turn || !answer.ok && answer.status !== 422) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine !== turn) return;
    status.textContent = page.querySelector("[data-editor-status]")?.textContent ?? "";
    if (direction === "apply") {
      const fresh = page.querySelector("[name=toml]");
      if (fresh) toml.value = fresh.value;
      refreshErrors(page);
    } else {
      const fresh = page.querySelector("[data-fields]");
      if (fresh) fields.replaceChildren(...fresh.childNodes);
      refreshErrors(page);
      listen();
    }
  }

  function refreshErrors(page) {
    for (const id of ["toml-problems", "editor-picture"]) {
      const old = document.getElementById(id), fresh = page.getElementById(id);
      if (old && fresh) old.replaceChildren(...fresh.childNodes);
    }
  }

  function later(direction) {
    clearTimeout(timer);
    timer = setTimeout(() => ask(direction), QUIET);
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
  listen();
}
