// Elements, made without ever parsing a text as HTML: what stands in mail is text here.

import { locale, t } from "./i18n.js";

const ICONS = {
  inbox: "M3 13h5l2 3h4l2-3h5M3 13l3-8h12l3 8v6H3z",
  star: "m12 3.500 2.600 5.500 6 .800-4.400 4.200 1.100 6L12 17l-5.300 3 1.100-6-4.400-4.200 6-.800z",
  archive: "M3 5h18v4H3zM5 9v10h14V9M10 13h4",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  restore: "M4 12a8 8 0 1 0 3-6.200M4 4v4h4",
  move: "M3 6h6l2 2h10v11H3zM9 13h6M13 11l2 2-2 2",
  reply: "M10 6 4 12l6 6M4 12h10a6 6 0 0 1 6 6",
  replyAll: "M12 6 6 12l6 6M7 6l-6 6 6 6M6 12h8a6 6 0 0 1 6 6",
  forward: "m14 6 6 6-6 6M20 12H10a6 6 0 0 0-6 6",
  unread: "M3 6h18v12H3zM3 7l9 6 9-6",
  read: "M3 10v9h18v-9M3 10l9-6 9 6M3 10l9 6 9-6",
  clip: "m20 11-8.500 8.500a5 5 0 0 1-7-7L13 4a3.300 3.300 0 0 1 4.700 4.700L9.200 17.200a1.600 1.600 0 0 1-2.300-2.300L14.500 7.300",
  search: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13M15.500 15.500 21 21",
  pen: "M4 20h4L19.500 8.500l-4-4L4 16zM13 7l4 4",
  menu: "M4 7h16M4 12h16M4 17h16",
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6 6 18",
  sent: "M3 11 21 3l-7 18-3-7z",
  draft: "M6 3h9l4 4v14H6zM9 12h7M9 16h7",
  spam: "M12 3 3 8v5c0 4 4 7 9 8 5-1 9-4 9-8V8zM12 8v5M12 16v.500",
  tag: "M3 4h8l10 10-7 7L3 11zM7.500 8h.010",
  folder: "M3 6h6l2 2h10v11H3z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  down: "M12 4v12M7 11l5 5 5-5M4 20h16",
  refresh: "M20 11a8 8 0 0 0-14.500-3.500L4 9M4 4v5h5M4 13a8 8 0 0 0 14.500 3.500L20 15M20 20v-5h-5",
  leave: "M10 4H4v16h6M14 8l4 4-4 4M18 12H9",
  more: "M6 12h.010M12 12h.010M18 12h.010",
  check: "m5 12 5 5L19 7",
  settings: "M4 7h10M18 7h2M4 12h2M10 12h10M4 17h8M16 17h4M16 5v4M8 10v4M14 15v4",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 21c0-4 4-6 8-6s8 2 8 6",
  key: "M14 10a4.500 4.500 0 1 0-4 4.500L12 17h3v3h4v-4l-5-5z",
  hook: "M9 15a4 4 0 1 1 0-6l3 3 3 3a4 4 0 1 0 0-6",
  plug: "M9 3v5M15 3v5M6 8h12v4a6 6 0 0 1-12 0zM12 18v3",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5.500l3.500 2",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3.500 9h17M3.500 15h17M12 3c-5 5-5 13 0 18M12 3c5 5 5 13 0 18",
  warning: "M12 4 2.500 20h19zM12 10v4M12 17v.500",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// h("button", {class: "primary", onclick: go, "aria-label": "Go"}, "Go")
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

export function add(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren();
  return add(element, children);
}

export function button(label, onclick, { kind = "", symbol = "", only = false, detail = "", ...props } = {}) {
  return h(
    "button",
    {
      type: "button",
      class: `button ${kind} ${only ? "only" : ""}`.trim(),
      onclick,
      ...(only ? { "aria-label": label, title: label } : {}),
      ...props,
    },
    symbol && icon(symbol),
    only ? null : h("span", {}, label),
    detail && h("span", { class: "muted small" }, detail),
  );
}

let fields = 0;

export function field(label, control, hint = "") {
  const id = (control.id ||= `field-${++fields}`);
  const hintId = `${id}-hint`;
  if (hint) control.setAttribute("aria-describedby", hintId);
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    control,
    hint && h("p", { class: "hint", id: hintId }, hint),
  );
}

const TOAST_MS = 10_000;

// Goes by itself, unless it `stays`, and not while the mouse or the focus is on it. Answers the
// element, to be taken away.
export function toast(text, { action = "", onaction = null, kind = "", stays = false } = {}) {
  const shown = h("div", { class: `toast ${kind}`, role: kind === "error" && "alert" }, h("span", {}, text));
  const gone = () => shown.remove();
  if (action) {
    const part = action === t("mail.undo") && "undo";
    shown.append(h("button", { type: "button", "data-part": part, onclick: () => (gone(), onaction()) }, action));
  }
  if (stays && kind === "error") {
    shown.append(h("button", { type: "button", onclick: gone }, t("close")));
  }
  document.getElementById("toasts").append(shown);
  if (stays) return shown;
  let timer = setTimeout(gone, TOAST_MS);
  const held = new Set();
  const hold = (by) => (held.add(by), clearTimeout(timer));
  const release = (by) => {
    held.delete(by);
    clearTimeout(timer);
    if (!held.size) timer = setTimeout(gone, TOAST_MS);
  };
  shown.addEventListener("pointerenter", () => hold("pointer"));
  shown.addEventListener("pointerleave", () => release("pointer"));
  shown.addEventListener("focusin", () => hold("focus"));
  shown.addEventListener("focusout", () => release("focus"));
  return shown;
}

const WRITES = "input:not([type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable], iframe";

// What was done last is taken back with z, or as in any program; who is writing takes back letters.
document.addEventListener("keydown", (event) => {
  const isAsked = event.key === "z" && !event.altKey && !event.shiftKey && !event.repeat;
  if (!isAsked || event.target.matches?.(WRITES) || document.querySelector("dialog:modal")) return;
  const last = [...document.querySelectorAll("#toasts [data-part=undo]")].at(-1);
  if (!last) return;
  event.preventDefault();
  last.click();
});

// Toasts stand in the dialog that is open: all else is dimmed then, and nobody hears of it.
function placeToasts() {
  const toasts = document.getElementById("toasts");
  const place = [...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body;
  if (toasts.parentElement !== place) place.append(toasts);
}

// All that wait for an answer; what is being written stays.
export function closeDialogs() {
  for (const each of [...document.querySelectorAll("dialog:modal")].reverse()) each.close();
}

// Where the focus goes from what is gone: to what opened it, or at least into the page.
function goBackTo(element) {
  (element.isConnected ? element : document.getElementById("main"))?.focus({ preventScroll: true });
}

// A dialog that keeps the focus inside and gives it back; Escape closes it.
export function dialog(title, content, actions, { wide = false, onclose = () => {} } = {}) {
  const id = `dialog-${++fields}`;
  // What was pressed in a dialog goes with it, and has lost the focus if it was disabled.
  const opener = [...document.querySelectorAll("dialog:modal")].at(-1)?.opener ?? document.activeElement;
  const element = h(
    "dialog",
    { class: wide ? "wide" : "", "aria-labelledby": id },
    h("h2", { id }, title),
    h("div", { class: "dialog-body" }, content),
    actions && h("div", { class: "actions" }, actions),
  );
  element.opener = opener;
  element.addEventListener("close", () => {
    placeToasts();
    element.remove();
    if (document.activeElement === document.body) goBackTo(opener);
    onclose();
  });
  document.body.append(element);
  element.showModal();
  placeToasts();
  return element;
}

export function confirmed(title, text, label, cancel) {
  return new Promise((resolve) => {
    let answer = false;
    const element = dialog(
      title,
      h("p", {}, text),
      [
        button(cancel, () => element.close()),
        button(label, () => ((answer = true), element.close()), { kind: "danger" }),
      ],
      { onclose: () => resolve(answer) },
    );
  });
}

export function bytes(count) {
  const units = ["kilobyte", "megabyte", "gigabyte"];
  let value = Math.max(1, count / 1000);
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return new Intl.NumberFormat(locale, {
    style: "unit", unit: units[unit], unitDisplay: "short", maximumFractionDigits: value < 10 && unit ? 1 : 0,
  }).format(value);
}

// Whether the focus is where it was, at `before`, or nowhere: whoever has gone elsewhere stays there.
// A row may have been made anew meanwhile.
export function isFocusAt(before) {
  const at = document.activeElement;
  return at === document.body || at === before || (!before.isConnected && at.dataset.part && at.dataset.part === before.dataset.part);
}
