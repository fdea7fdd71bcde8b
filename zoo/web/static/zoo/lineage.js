// The drawing of a lineage: it opens at the entry that it is about, and buttons make it larger and smaller.
// Without scripts it scrolls, and the list beside it says the same.
(() => {
  "use strict";
  const STEP = 1.25;
  const SMALLEST = 0.3;
  const LARGEST = 2;
  for (const figure of document.querySelectorAll("figure[data-zoom]")) {
    const box = figure.querySelector(".graph-box");
    const drawing = box.querySelector("svg");
    const width = drawing.viewBox.baseVal.width;
    const height = drawing.viewBox.baseVal.height;
    let scale = drawing.getBoundingClientRect().width / width;

    const middle = () => {
      const root = drawing.querySelector(".node.root");
      if (!root) return;
      const at = root.getBoundingClientRect();
      const view = box.getBoundingClientRect();
      box.scrollLeft += at.left + at.width / 2 - view.left - view.width / 2;
    };
    const resize = (wanted) => {
      scale = Math.min(LARGEST, Math.max(SMALLEST, wanted));
      drawing.classList.remove("fitted");
      drawing.setAttribute("width", width * scale);
      drawing.setAttribute("height", height * scale);
      middle();
    };
    const acts = {
      larger: () => resize(scale * STEP),
      smaller: () => resize(scale / STEP),
      whole: () => resize(box.clientWidth / width),
    };
    for (const button of figure.querySelectorAll("[data-act]")) {
      button.addEventListener("click", () => acts[button.dataset.act]());
    }
    middle();
  }
})();
