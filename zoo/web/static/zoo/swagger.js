// Swagger UI has a dark scheme of its own behind a class: it follows our switch and the system.
(() => {
  "use strict";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
    root.classList.toggle("dark-mode", dark);
  };
  follow();
  system.addEventListener("change", follow);
  document.addEventListener("zoo:theme", follow);
})();
