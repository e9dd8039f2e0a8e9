// Makes pages move; every page works without it.
import { keepDrafts } from "./drafts.js";
import { follow } from "./live.js";
import { explore } from "./explore.js";
import { keepChosen } from "./chosen.js";
import { keepInStep } from "./editor.js";
import { copyAsTex } from "./tex.js";

// Theme: system, then what was chosen.
const toggle = document.querySelector("[data-theme-toggle]");
if (toggle) {
  const root = document.documentElement;
  const dark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const name = () => {
    toggle.textContent = dark() ? "Light" : "Dark";
    toggle.title = `Switch to the ${dark() ? "light" : "dark"} theme`;
    toggle.setAttribute("aria-label", toggle.title);
  };
  toggle.hidden = false;
  name();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  toggle.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* not kept, still switched */ }
    name();
  });
}

// Copy buttons.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  });
}

// Listens before a draft is put into its form.
keepInStep();

// Before what follows, as it may keep a form from being sent.
keepDrafts();

// A form is sent once, however often the button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  setTimeout(() => { delete form.dataset.sent; }, 4000);
});

copyAsTex();
keepChosen();
follow();
explore();
