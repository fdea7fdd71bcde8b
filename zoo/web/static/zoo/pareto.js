// Replaces the server's drawing of the Pareto plot by the same picture from Vega-Lite, with tooltips and zoom.
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
  });

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
