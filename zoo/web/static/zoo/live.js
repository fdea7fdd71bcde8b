// Follows a run: an event of its stream fetches the moving part of the page anew, at once but at most three times a second.
// Without EventSource it asks every five seconds; without scripts the page refreshes itself.
(() => {
  "use strict";
  const box = document.getElementById("live");
  if (!box) return;
  let due = null;
  let last = 0;
  let ended = false;

  const refresh = async () => {
    due = null;
    last = Date.now();
    const answer = await fetch(box.dataset.part, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    box.innerHTML = await answer.text();
    const part = box.firstElementChild;
    if (part && part.dataset.title) document.title = `${part.dataset.title} · Distill Zoo`;
    if (part && ["succeeded", "failed", "cancelled"].includes(part.dataset.state) && !ended) {
      ended = true;
      // Scores and events are part of the whole page.
      window.location.reload();
    }
  };
  const soon = () => {
    const wait = Math.max(0, last + 300 - Date.now());
    if (due === null && !ended) due = setTimeout(() => refresh().catch(() => {}), wait);
  };

  if (!("EventSource" in window)) {
    setInterval(soon, 5000);
    return;
  }
  const source = new EventSource(box.dataset.events);
  for (const name of ["state", "progress", "note"]) source.addEventListener(name, soon);
  source.addEventListener("done", () => {
    source.close();
    soon();
  });
  window.addEventListener("pagehide", () => source.close());
})();
