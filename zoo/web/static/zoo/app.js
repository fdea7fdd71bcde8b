// Enhancements for every page: copying, keyboard shortcuts, the scheme switch without a reload, forms that
// send themselves. Everything here also works without: by a link, a button or selecting text.
(() => {
  "use strict";
  const root = document.documentElement;
  const announce = (text) => {
    const box = document.getElementById("announce");
    if (box) box.textContent = text;
  };

  // htmx sends Django's token with every request that writes.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector("[name=csrfmiddlewaretoken]");
    if (token) event.detail.headers["X-CSRFToken"] = token.value;
  });

  // <button class="copy" data-copy="text"> or data-copy-from="#id"
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (!button) return;
    const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
    await navigator.clipboard.writeText(source ? source.textContent.trim() : button.dataset.copy);
    announce("Copied");
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  });

  // The scheme switch: set at once, then told to the server.
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest(".theme-switch");
    if (!form || !event.submitter) return;
    event.preventDefault();
    const theme = event.submitter.value;
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    for (const button of form.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button === event.submitter));
    }
    const data = new FormData(form);
    data.set("theme", theme);
    document.dispatchEvent(new CustomEvent("zoo:theme"));
    await fetch(form.action, { method: "POST", body: data, redirect: "manual" });
  });

  // <form data-autosubmit>: a change sends the form; the button to apply stays for those without scripts.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-autosubmit]");
    if (form && event.target.type !== "search") form.requestSubmit();
  });

  // A form that asks leaves out what is empty, so that addresses stay short.
  const dropEmpty = (data) => {
    for (const [name, value] of [...data]) if (value === "") data.delete(name);
  };
  document.addEventListener("formdata", (event) => {
    if (event.target.method === "get") dropEmpty(event.formData);
  });
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb === "get") dropEmpty(event.detail.formData);
  });

  // Filters beside a list are open where there is room, also in browsers that cannot say so in a sheet.
  const openFilters = () => {
    if (!matchMedia("(min-width: 60rem)").matches || CSS.supports("selector(::details-content)")) return;
    for (const box of document.querySelectorAll(".facet-box")) box.open = true;
  };
  document.addEventListener("DOMContentLoaded", openFilters);
  document.addEventListener("htmx:afterSettle", openFilters);

  // Shortcuts: "/" to search, "?" to list them, j and k through the rows, n and p through the pages. Off with ?shortcuts or in the dialog.
  const enabled = () => localStorage.getItem("zoo.shortcuts") !== "off";
  const typing = (element) => element.closest("input, textarea, select, [contenteditable]");
  const moveRow = (step) => {
    const links = [...document.querySelectorAll("tbody th a, .links > li h3 a, article > h2 a")];
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    links[Math.min(links.length - 1, Math.max(0, at + step))].focus();
  };
  const shortcuts = {
    "/": () => document.querySelector("[data-shortcut='/']")?.focus(),
    "?": () => document.getElementById("shortcuts")?.showModal(),
    j: () => moveRow(1),
    k: () => moveRow(-1),
    n: () => document.querySelector("a[rel='next']")?.click(),
    p: () => document.querySelector("a[rel='prev']")?.click(),
    c: () => document.activeElement.closest("tr")?.querySelector("[name='m']")?.click(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !enabled()) return;
    const action = shortcuts[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  document.addEventListener("change", (event) => {
    if (event.target.id !== "shortcuts-on") return;
    localStorage.setItem("zoo.shortcuts", event.target.checked ? "on" : "off");
  });
  document.addEventListener("DOMContentLoaded", () => {
    const box = document.getElementById("shortcuts-on");
    if (box) box.checked = enabled();
  });
})();
