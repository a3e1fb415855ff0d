// API keys: made for something, shown once, revoked for good.

import { get, post, remove } from "./api.js";
import { button, confirmed, field, fill, h, toast } from "./dom.js";
import { longTime, t } from "./i18n.js";
import { formDialog, shownOnce, table } from "./tables.js";

const SCOPES = [
  "administration", "grants.read", "grants.write", "mail.read", "mail.write", "mail.send", "webhooks",
];

const two = (value) => String(value).padStart(2, "0");

// Days are the reader's, not Greenwich's: a key lives until the end of its last one.
function dayOf(date) {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function endOf(day) {
  return new Date(`${day}T23:59:59`).getTime() / 1000;
}

export async function show(place, { explain }) {
  let keys = await get("/v3/api-keys");

  function create() {
    const name = h("input", { type: "text", required: true, maxlength: "200" });
    const until = h("input", { type: "date", min: dayOf(new Date()) });
    const boxes = SCOPES.map((scope) =>
      h("label", { class: "check" },
        h("input", { type: "checkbox", value: scope, checked: scope !== "administration" }),
        h("span", {}, t(`scope.${scope}`))));
    formDialog(
      t("keys.title_new"),
      [
        field(t("name"), name),
        h("fieldset", {}, h("legend", {}, t("keys.scopes")), boxes),
        field(t("keys.expires"), until, t("keys.expires_hint")),
      ],
      async () => {
        const scopes = boxes.map((each) => each.firstChild).filter((box) => box.checked);
        const made = await post("/v3/api-keys", {
          name: name.value,
          scopes: scopes.map((box) => box.value),
          ...(until.value ? { expires_at: endOf(until.value) } : {}),
        });
        keys = [...keys, { ...made, api_key: undefined }];
        paint();
        shownOnce(made.name, t("keys.shown_once"), made.api_key);
      },
      explain,
      t("keys.create"),
    );
  }

  const add = button(t("keys.create"), create, { kind: "primary" });

  async function revoke(key) {
    const sure = await confirmed(
      t("keys.revoke.title", { name: key.name }), t("keys.revoke.text"), t("revoke"), t("cancel"),
    );
    if (!sure) return;
    try {
      await remove(`/v3/api-keys/${key.id}`);
      keys = keys.filter((each) => each.id !== key.id);
      toast(t("keys.revoked", { name: key.name }));
      paint();
    } catch (error) {
      explain(error);
    }
  }

  function paint() {
    fill(
      place,
      h("div", { class: "page-head" }, h("h1", {}, t("admin.keys")), add),
      table(
        t("admin.keys"),
        [t("name"), t("keys.scopes"), t("created"), t("keys.expires"), t("actions")],
        keys.map((key) => [
          h("strong", {}, key.name),
          h("span", { class: "small" }, key.scopes.map((scope) => t(`scope.${scope}`)).join(" · ")),
          longTime(key.created_at),
          longTime(key.expires_at) || "–",
          button(t("revoke"), () => revoke(key), { kind: "small quiet danger" }),
        ]),
      ),
    );
  }

  paint();
}
