// Follows a run: an event of its stream fetches the moving part of the page anew, at once but at most three times a second.
// A run that has ended is followed on while a submission waits for its other run or its comparison: every few seconds.
// Without EventSource it asks every five seconds; without scripts the page refreshes itself.
(() => {
  "use strict";
  const box = document.getElementById("live");
  if (!box) return;
  const said = document.getElementById("said");
  let due = null;
  let last = 0;
  let lastSaid = Date.now();
  let poll = null;
  const FINAL = ["succeeded", "failed", "cancelled"];
  const runEnded = () => FINAL.includes(box.firstElementChild?.dataset.state);
  const followed = () => box.firstElementChild?.dataset.followed === "yes";
  // A page that was loaded after the end has scores and events already.
  const endedBefore = runEnded();
  let reloading = false;
  let shown = "";

  // What a reader did to the log stays: closed, scrolled up, or in focus. At its end it follows.
  const logState = () => {
    const lines = document.getElementById("live-log-lines");
    if (!lines) return null;
    const atEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 8;
    return {
      open: document.getElementById("live-log").open,
      top: atEnd ? null : lines.scrollTop,
      focused: document.activeElement === lines,
    };
  };
  const restoreLog = (before) => {
    const lines = document.getElementById("live-log-lines");
    if (!lines) return;
    if (before) document.getElementById("live-log").open = before.open;
    lines.scrollTop = before && before.top !== null ? before.top : lines.scrollHeight;
    if (before && before.focused) lines.focus({ preventScroll: true });
  };

  const refresh = async () => {
    due = null;
    last = Date.now();
    const answer = await fetch(box.dataset.part, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const text = await answer.text();
    // What is as before stays in place, and with it the focus of a reader on one of its links.
    if (text === shown) return;
    shown = text;
    const before = logState();
    box.innerHTML = text;
    restoreLog(before);
    const part = box.firstElementChild;
    if (part && part.dataset.title) {
      document.title = `${part.dataset.title} · Distill Zoo`;
      // Readers of the screen are told now and then, not with every number.
      if (Date.now() - lastSaid > 5000) {
        lastSaid = Date.now();
        said.textContent = part.dataset.title;
      }
    }
    if (runEnded() && !endedBefore) {
      reloading = true;
      // Scores and events are part of the whole page.
      window.location.reload();
    }
    if (!followed()) {
      clearInterval(poll);
      said.textContent = part?.dataset.title ?? "";
    }
  };
  const soon = () => {
    const wait = Math.max(0, last + 300 - Date.now());
    if (due === null && !reloading && followed()) due = setTimeout(() => refresh().catch(() => {}), wait);
  };

  restoreLog(null);
  if (endedBefore || !("EventSource" in window)) {
    poll = setInterval(soon, endedBefore ? 2500 : 5000);
    return;
  }
  const source = new EventSource(box.dataset.events);
  for (const name of ["state", "progress", "note", "log"]) source.addEventListener(name, soon);
  source.addEventListener("done", () => {
    source.close();
    soon();
  });
  window.addEventListener("pagehide", () => source.close());
})();
