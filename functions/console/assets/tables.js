// Lists of things with columns; on a narrow page every row becomes a card with labels.

import { button, dialog, h, toast } from "./dom.js";
import { t } from "./i18n.js";

// `ids` of the rows, in their order, are for `updateRows`.
export function table(caption, columns, rows, ids = []) {
  if (rows.length === 0) return h("p", { class: "muted empty" }, t("none_yet"));
  return h(
    "table",
    {},
    h("caption", { class: "hidden" }, caption),
    h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col" }, column)))),
    h(
      "tbody",
      {},
      rows.map((cells, at) =>
        h(
          "tr",
          { "data-id": ids[at] },
          cells.map((cell, index) => h("td", { "data-label": columns[index] }, cell)),
        ),
      ),
    ),
  );
}

// Puts other elements, with a data-id each, in the place of those in a list. One that says the same
// stays the element that it is; the focus stays at what it was on, even if that was made anew.
export function updateRows(list, wanted) {
  const at = document.activeElement;
  const held = [...list.children].find((each) => each.contains(at));
  const before = new Map([...list.children].map((each) => [each.dataset.id, each]));
  const rows = wanted.map((row) => {
    const known = before.get(row.dataset.id);
    if (!known) return row;
    const details = row.querySelector("details");
    if (details) details.open = Boolean(known.querySelector("details")?.open);
    return known.isEqualNode(row) ? known : row;
  });
  for (const each of before.values()) if (!rows.includes(each)) each.remove();
  rows.forEach((row, index) => {
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
  });
  if (!held || list.contains(document.activeElement)) return;
  const now = rows.find((row) => row.dataset.id === held.dataset.id);
  const same = [...(now?.querySelectorAll("button, summary") ?? [])].find((each) => each.textContent === at.textContent);
  (same ?? document.getElementById("main"))?.focus({ preventScroll: true });
}

// A text that is read once and taken elsewhere: a field that is selected, and a button.
export function copyable(text, label) {
  const field = h("input", { type: "text", readonly: true, value: text, "aria-label": label });
  field.addEventListener("focus", () => field.select());
  return h(
    "div",
    { class: "copyable" },
    field,
    button(
      t("copy"),
      async () => {
        try {
          await navigator.clipboard.writeText(text);
        } catch {
          field.select();
          document.execCommand("copy");
        }
        toast(t("copied"));
      },
      { symbol: "copy" },
    ),
  );
}

export function shownOnce(title, text, secret) {
  const shown = dialog(title, [h("p", {}, text), copyable(secret, title)], [
    button(t("close"), () => shown.close(), { kind: "primary" }),
  ]);
}

// A form in a dialog; it closes once `save` has done its work.
export function formDialog(title, fields, save, explain, label = t("save")) {
  const form = h(
    "form",
    {
      id: `form-${Date.now()}`,
      onsubmit: async (event) => {
        event.preventDefault();
        submit.disabled = true;
        try {
          await save();
          shown.close();
        } catch (error) {
          explain(error);
        } finally {
          submit.disabled = false;
        }
      },
    },
    fields,
  );
  const submit = h("button", { type: "submit", form: form.id, class: "button primary" }, label);
  const shown = dialog(title, form, [button(t("cancel"), () => shown.close()), submit]);
}
