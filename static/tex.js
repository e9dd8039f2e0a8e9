// Formulas are copied as they were typed.

export function copyAsTex() {
  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (!selection || selection.isCollapsed || !event.clipboardData) return;
    const part = selection.getRangeAt(0).cloneContents();
    const formulas = part.querySelectorAll("math");
    if (formulas.length === 0) return;
    for (const formula of formulas) {
      const marks = formula.getAttribute("display") === "block" ? "$$" : "$";
      const tex = formula.querySelector("annotation")?.textContent ?? formula.textContent;
      formula.replaceWith(`${marks}${tex}${marks}`);
    }
    event.clipboardData.setData("text/plain", part.textContent);
    event.preventDefault();
  });
}
