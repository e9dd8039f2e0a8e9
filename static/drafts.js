// Drafts: what is typed into a form stays in this browser until the server says that it has stored it.

const PREFIX = "draft ";
const LONGEST = 256 * 1024;
const KEPT_DAYS = 30;
const QUIET = 300;
const EARLIER = 4; // drafts of one form that are kept beside the newest

// Works without storage too: then nothing is kept, and nothing breaks.
const storage = {
  get(key) { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full or off */ } },
  remove(key) { try { localStorage.removeItem(key); } catch { /* off */ } },
  keys() { try { return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)); } catch { return []; } },
};

const person = document.querySelector("[data-person]")?.dataset.person ?? "";
const keyOf = (form) => `${PREFIX}${person} ${form.dataset.draft}`;

// What a person typed, without what the server laid into the form: by this a form is known again as one that was sent.
function typed(form, values) {
  const laid = new Set(fieldsOf(form).filter((field) => field.type === "hidden").map((field) => field.name));
  return JSON.stringify(Object.entries(values).filter(([name, value]) => value && !laid.has(name)));
}

// The server stored what this form held: its draft has done its work, and the one before it is the newest again. What was
// sent is remembered, so that going back to the form does not bring it back.
function forgetStored() {
  const stored = document.cookie.match(/(?:^|; )breakmywork_stored=([^;]+)/);
  if (!stored) return;
  const key = `${PREFIX}${person} ${stored[1]}`;
  const kept = storage.get(key);
  if (kept?.values) storage.set(key, { ...older(kept), sent: kept.values });
  document.cookie = "breakmywork_stored=; Path=/; Max-Age=0; SameSite=Lax";
}

// What stays under a form's key without its newest draft.
function older(kept) {
  const [newest, ...earlier] = kept?.earlier ?? [];
  return { sent: kept?.sent, at: Date.now(), ...newest, earlier };
}

function forgetOld() {
  const oldest = Date.now() - KEPT_DAYS * 24 * 60 * 60 * 1000;
  for (const key of storage.keys()) {
    if (!(storage.get(key)?.at > oldest)) storage.remove(key);
  }
}

const isTyped = (field) => field.name && field.type !== "password" && field.type !== "submit" && field.tagName !== "BUTTON";
const fieldsOf = (form) => [...form.elements].filter(isTyped);

function read(form) {
  return Object.fromEntries(fieldsOf(form).map((field) => [field.name, field.value]));
}

// Whether a person changed anything that is not hidden.
function isChanged(form) {
  return fieldsOf(form).some((field) => field.type !== "hidden" && (field.tagName === "SELECT"
    ? ![...field.options].some((option) => option.defaultSelected && option.selected) && field.selectedIndex > 0
    : field.value !== field.defaultValue));
}

// Puts a draft into its form. The editor redraws itself around it, as arms may be more or fewer.
function put(form, values) {
  if (form.matches("[data-editor]")) {
    form.dispatchEvent(new CustomEvent("draft", { detail: values }));
  }
  for (const field of fieldsOf(form)) {
    if (field.type !== "hidden" && field.name in values) field.value = values[field.name];
  }
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

const say = (form, ...sentence) => sayAll(form, [sentence]);

// Sentences with what can be done about each.
function sayAll(form, sentences) {
  const line = form.querySelector("[data-draft-status]");
  if (!line) return;
  line.hidden = false;
  line.replaceChildren();
  for (const [text, ...buttons] of sentences) {
    line.append(line.childNodes.length ? " " : "", text);
    for (const [name, act] of buttons) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "link";
      button.textContent = name;
      button.addEventListener("click", () => { line.hidden = true; act(); });
      line.append(" ", button);
    }
  }
}

const when = (at) => new Date(at).toLocaleString([], { dateStyle: "short", timeStyle: "short" });

// All drafts of a form, the newest first.
const draftsIn = (kept) => [...(kept?.values ? [{ at: kept.at, values: kept.values }] : []), ...(kept?.earlier ?? [])];

function keep(form) {
  const key = keyOf(form);
  let timer, touched = false;
  // Drafts that are not in the form: they stay beside what is typed now.
  let others = storage.get(key)?.earlier ?? [];
  const wasSent = (values) => {
    const sent = storage.get(key)?.sent;
    return Boolean(sent) && typed(form, values) === typed(form, sent);
  };
  const save = () => {
    clearTimeout(timer);
    if (!touched) return;
    const values = read(form);
    // This very page, when somebody comes back to it; and the next visit.
    try { history.replaceState({ ...history.state, [key]: values }, ""); } catch { /* too large for it */ }
    // Typed once more, it is no longer what was sent.
    const sent = wasSent(values) ? undefined : storage.get(key)?.sent;
    storage.set(key, { at: Date.now(), values, sent, earlier: others.slice(0, EARLIER) });
  };
  form.addEventListener("input", (event) => {
    if (event.target === form) return;
    touched = true;
    clearTimeout(timer);
    timer = setTimeout(save, QUIET);
  });
  form.addEventListener("synced", save);
  form.addEventListener("submit", save);
  addEventListener("pagehide", save);

  // Somebody went back to a form that was sent: the browser puts into it what it held then.
  const empty = () => {
    if (!form.hasAttribute("data-fresh") || !wasSent(read(form))) return;
    touched = false;
    others = storage.get(key)?.earlier ?? [];
    form.reset();
  };
  addEventListener("pageshow", (event) => {
    if (event.persisted) forgetStored();
    empty();
  });

  // What the server sent back was typed last; a draft is older.
  if (!form.hasAttribute("data-fresh")) { touched = true; return; }
  empty();
  const here = history.state?.[key];
  const without = (values) => draftsIn(storage.get(key)).filter((draft) => JSON.stringify(draft.values) !== JSON.stringify(values));
  const drafts = others = without(read(form));
  if (here && !wasSent(here)) {
    others = without(here);
    put(form, here);
    say(form, "What you typed is back.");
  } else if (drafts.length && !isChanged(form)) {
    offer(drafts);
  }

  function offer(drafts) {
    const [{ at, values }] = drafts;
    const stale = "version" in values && values.version !== form.elements.version?.value;
    const restore = (draft) => { touched = true; others = drafts.filter((other) => other !== draft); put(form, draft.values); };
    const forget = (draft) => {
      others = drafts.filter((other) => other !== draft);
      storage.set(key, older({ sent: storage.get(key)?.sent, earlier: others }));
    };
    if (form.matches("[data-editor]") || stale) {
      sayAll(form, drafts.map((draft, place) => [
        place ? `An earlier one of ${when(draft.at)}.` : `A draft of ${when(draft.at)} is kept here.`,
        ["Bring it back", () => restore(draft)], ["Forget it", () => forget(draft)],
      ]));
    } else {
      restore(drafts[0]);
      say(form, `Your draft of ${when(at)} is back.`, ["Forget it", () => { forget(drafts[0]); touched = false; form.reset(); }]);
    }
  }
}

// How much of a limit is used, where that matters; nothing is ever cut.
function count(field) {
  const limit = Number(field.dataset.limit);
  const line = document.createElement("p");
  line.className = "hint count";
  line.setAttribute("role", "status");
  field.after(line);
  const show = () => {
    // As the server counts: line ends are one letter, and so is an emoji.
    const length = [...field.value.trim()].length;
    line.textContent = length > limit
      ? `${length.toLocaleString("en")} characters; at most ${limit.toLocaleString("en")} are taken. Nothing is cut: shorten it, or send it in parts.`
      : length > 0.8 * limit ? `${length.toLocaleString("en")} of ${limit.toLocaleString("en")} characters` : "";
    line.classList.toggle("error", length > limit);
  };
  field.addEventListener("input", show);
  field.form?.addEventListener("input", show);
  show();
}

function countIn(part) {
  for (const field of part.querySelectorAll("[data-limit]")) count(field);
}

// A form that is too large would be refused before it is read: better said here, where everything still is.
function weigh(form) {
  form.addEventListener("submit", (event) => {
    const size = new URLSearchParams(new FormData(form)).toString().length;
    if (size <= LONGEST) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const line = document.createElement("p");
    line.className = "error";
    line.setAttribute("role", "alert");
    line.textContent = `This form holds ${Math.ceil(size / 1024)} kB; at most 256 kB can be sent. Everything is still here: shorten it and send it again.`;
    form.querySelector(":scope > .error[role=alert]")?.remove();
    form.append(line);
  });
}

export function keepDrafts() {
  forgetStored();
  forgetOld();
  for (const form of document.querySelectorAll("form[method=post]")) weigh(form);
  countIn(document);
  document.addEventListener("redrawn", (event) => countIn(event.target));
  for (const form of document.querySelectorAll("form[data-draft]")) keep(form);
}
