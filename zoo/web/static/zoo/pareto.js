// Replaces the server's drawing of the Pareto plot by the same picture from Vega-Lite, with tooltips and zoom.
// Its marks are links for the keyboard too: Tab reaches them, focus shows the tooltip, Enter follows.
// When anything fails, the server's drawing stays.
(() => {
  "use strict";
  const color = (name) => {
    const probe = document.createElement("span");
    probe.hidden = true;
    document.body.append(probe);
    probe.style.color = `var(${name})`;
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };
  const config = () => ({
    background: "transparent",
    font: getComputedStyle(document.body).fontFamily,
    axis: {
      labelColor: color("--ink-soft"),
      titleColor: color("--ink"),
      gridColor: color("--grid"),
      domainColor: color("--rule-strong"),
      tickColor: color("--rule-strong"),
      labelFontSize: 12,
      titleFontSize: 12,
      titleFontWeight: 600,
    },
    view: { stroke: null },
    line: { color: color("--ink-soft"), strokeWidth: 1.5 },
    rule: { color: color("--series-student"), strokeWidth: 2 },
    text: { color: color("--ink"), fontSize: 12, fontWeight: 600 },
    point: { color: color("--series-student"), stroke: color("--raised") },
    style: {
      teacher: { color: color("--series-teacher"), stroke: color("--series-teacher") },
      "teacher-name": { color: color("--ink-soft"), fill: color("--ink-soft"), fontWeight: 400 },
    },
  });

  // Vega leads a click on a mark to its address; what a pointer does there, the keyboard does here.
  const marks = (host) => [...host.querySelectorAll(".mark-symbol path")].filter((mark) => mark.__data__?.href);
  const act = (mark, type, event) => {
    const box = mark.getBoundingClientRect();
    const { ctrlKey = false, metaKey = false, shiftKey = false } = event;
    const at = { clientX: box.right, clientY: box.top };
    mark.dispatchEvent(new MouseEvent(type, { bubbles: true, ctrlKey, metaKey, shiftKey, ...at }));
  };
  const link = (host) => {
    for (const mark of marks(host)) {
      if (mark.getAttribute("role") === "link") continue;
      mark.setAttribute("role", "link");
      mark.setAttribute("tabindex", "0");
    }
  };
  const linkForKeys = (host) => {
    // Vega writes the roles of marks anew when it moves them.
    new MutationObserver(() => link(host)).observe(host, {
      subtree: true,
      childList: true,
      attributeFilter: ["role"],
    });
    host.addEventListener("keydown", (event) => {
      if (!marks(host).includes(event.target)) return;
      if (event.key === "Enter") act(event.target, "click", event);
      if (event.key === "Escape") act(event.target, "mouseout", event);
    });
    for (const [type, same] of [["focusin", "pointermove"], ["focusout", "mouseout"]]) {
      host.addEventListener(type, (event) => {
        if (marks(host).includes(event.target)) act(event.target, same, event);
      });
    }
  };

  const draw = async (plot) => {
    if (!plot || !window.vegaEmbed) return;
    const answer = await fetch(plot.dataset.spec);
    if (!answer.ok) return;
    const spec = await answer.json();
    let host = plot.querySelector(".vega-host");
    if (!host) {
      host = document.createElement("div");
      host.className = "vega-host";
      host.hidden = true;
      plot.append(host);
      linkForKeys(host);
    }
    const still = plot.querySelector(":scope > .chart");
    const height = still.getBoundingClientRect().height;
    host.hidden = false;
    still.setAttribute("hidden", "");
    try {
      await window.vegaEmbed(host, { ...spec, height: Math.max(260, height - 60) }, {
        ast: true,
        renderer: "svg",
        actions: false,
        defaultStyle: false,
        tooltip: { disableDefaultStyle: true },
        config: config(),
      });
    } catch (error) {
      host.hidden = true;
      still.removeAttribute("hidden");
      console.warn("the interactive plot could not be drawn", error);
    }
  };
  const all = () => document.querySelectorAll(".plot[data-spec]").forEach(draw);

  all();
  document.addEventListener("zoo:theme", () => requestAnimationFrame(all));
  document.addEventListener("htmx:afterSettle", all);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
})();
