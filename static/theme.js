// Runs before the first paint, so that a chosen theme does not flash.
(function () {
  try {
    var choice = localStorage.getItem("theme");
    if (choice === "light" || choice === "dark") {
      document.documentElement.dataset.theme = choice;
    }
  } catch (_) { /* storage is off: the system's theme it is */ }
})();
