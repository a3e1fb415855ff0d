// The dialog that marks conversations.

import { each, get, post, query } from "./api.js";
import { messagesOf } from "./changes.js";
import { button, dialog, field, fill, h } from "./dom.js";
import { t } from "./i18n.js";
import { byName, isLabel, marksOf } from "./marks.js";

const LONGEST_NAME = 255;
const RECENT = 100;

// Asks which marks the conversations shall have; `apply` hears {added, taken} if any were changed, and
// `made` that the mailbox has another label.
export async function chooseLabels(threads, { grant, folders, labels }, { apply, made, explain }) {
  const place = h("div", {}, h("p", { class: "muted", role: "status" }, t("loading")));
  let submit = () => {};
  const done = button(t("labels.apply"), () => submit(), { kind: "primary", disabled: true });
  const shown = dialog(t(labels ? "mail.label" : "mail.categories"), place, [button(t("cancel"), () => shown.close()), done]);
  let messages;
  let recent;
  try {
    [messages, recent] = await Promise.all([
      messagesOfAll(threads, grant),
      labels ? [] : get(`/v3/grants/${grant}/messages${query({ limit: RECENT, select: "id,categories" })}`),
    ]);
  } catch (error) {
    shown.close();
    throw error;
  }

  const box = { folders, labels };
  const offered = labels ? folders.filter(isLabel) : [...messages, ...recent].flatMap((message) => marksOf(message, box));
  const known = new Map(offered.map((mark) => [mark.id, mark]));
  const counts = (id) => messages.filter((message) => marksOf(message, box).some((mark) => mark.id === id)).length;
  const wanted = new Map(); // by id: what was chosen here

  const list = h("ul", { class: "plain choices marks" });
  const paint = () => fill(
    list,
    byName([...known.values()]).map(({ id, name }) => {
      const count = counts(id);
      const tick = h("input", {
        type: "checkbox",
        checked: wanted.get(id) ?? (count > 0 && count === messages.length),
        indeterminate: !wanted.has(id) && count > 0 && count < messages.length,
        onchange: () => wanted.set(id, tick.checked),
      });
      return h("li", {}, h("label", { class: "check" }, tick, h("span", { class: "breakable" }, name)));
    }),
  );

  const name = h("input", { type: "text", maxlength: String(LONGEST_NAME), autocomplete: "off" });
  let adding = null;
  // A label is made once, however often it is asked for meanwhile. Answers whether it is there.
  const addNew = () => (adding ??= added().finally(() => (adding = null)));
  async function added() {
    const asked = name.value.trim();
    if (!asked) return true;
    const same = [...known.values()].find((mark) => mark.name.toLowerCase() === asked.toLowerCase());
    const isNew = labels && !same;
    try {
      const { id } = isNew ? await post(`/v3/grants/${grant}/folders`, { name: asked }) : same ?? { id: asked };
      if (isNew) await made();
      known.set(id, known.get(id) ?? { id, name: asked });
      wanted.set(id, true);
    } catch (error) {
      explain(error);
      return false;
    }
    name.value = "";
    paint();
    return true;
  }

  submit = async () => {
    // What stands in the field is meant, too.
    if (!(await addNew()) || !shown.open) return;
    shown.close();
    const changes = [...wanted].filter(([id, isOn]) => counts(id) !== (isOn ? messages.length : 0));
    const ids = (on) => changes.filter(([, isOn]) => isOn === on).map(([id]) => id);
    if (changes.length) apply({ added: ids(true), taken: ids(false) });
  };
  paint();
  fill(
    place,
    h("form", { onsubmit: (event) => (event.preventDefault(), addNew()) },
      list,
      h("div", { class: "with-button" }, field(t(labels ? "labels.new" : "categories.new"), name), button(t("labels.add"), addNew))),
  );
  done.disabled = false;
  (list.querySelector("input") ?? name).focus();
}

async function messagesOfAll(threads, grant) {
  const messages = [];
  const failures = await each(threads, async ({ id }) => messages.push(...(await messagesOf(grant, id, "id,folders,categories"))));
  if (failures.length) throw failures[0][1];
  return messages;
}
