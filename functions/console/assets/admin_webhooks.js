// The addresses that are told of events.

import { showDeliveries } from "./admin_deliveries.js";
import { get, post, put, remove } from "./api.js";
import { button, confirmed, field, fill, h, toast } from "./dom.js";
import { t } from "./i18n.js";
import { formDialog, shownOnce, table } from "./tables.js";

const EVENTS = ["grant.expired", "message.send_success", "message.send_failed"];
// They can be asked for already: docs/api.md says what is told today.
const LATER = [
  "grant.created", "grant.updated", "grant.deleted",
  "message.created", "message.updated", "message.deleted", "message.bounce_detected",
  "folder.created", "folder.updated", "folder.deleted",
];

const TROUBLED = ["failing", "failed"];

// A webhook that has failed stays off until somebody says otherwise, like one that was paused.
const isOff = (hook) => ["pause", "failed"].includes(hook.status);

export async function show(place, { explain }) {
  let hooks = await get("/v3/webhooks");

  function create() {
    const url = h("input", { type: "url", required: true, placeholder: "https://" });
    const description = h("input", { type: "text", maxlength: "500" });
    const box = (name) =>
      h("label", { class: "check" },
        h("input", { type: "checkbox", value: name, checked: name === "grant.expired" }),
        h("code", {}, name));
    const boxes = [EVENTS.map(box), LATER.map(box)];
    formDialog(
      t("webhooks.title_new"),
      [
        field(t("webhooks.url"), url),
        field(t("webhooks.description"), description),
        h("fieldset", { class: "columns" }, h("legend", {}, t("webhooks.events")), boxes[0]),
        h("fieldset", { class: "columns" }, h("legend", {}, t("webhooks.events_later")), boxes[1]),
      ],
      async () => {
        const events = boxes.flat().map((each) => each.firstChild).filter((box) => box.checked);
        const made = await post("/v3/webhooks", {
          webhook_url: url.value,
          description: description.value,
          trigger_types: events.map((box) => box.value),
        });
        hooks = [...hooks, made];
        paint();
        shownOnce(t("webhooks.secret_title"), t("webhooks.secret_text"), made.webhook_secret);
      },
      explain,
      t("webhooks.create"),
    );
  }

  const add = button(t("webhooks.create"), create, { kind: "primary" });

  async function pause(hook) {
    try {
      const status = isOff(hook) ? "active" : "pause";
      const changed = await put(`/v3/webhooks/${hook.id}`, { status });
      hooks = hooks.map((each) => (each.id === hook.id ? changed : each));
      paint();
    } catch (error) {
      explain(error);
    }
  }

  async function take(hook) {
    const sure = await confirmed(
      t("webhooks.remove.title"), t("webhooks.remove.text", { url: hook.webhook_url }),
      t("remove"), t("cancel"),
    );
    if (!sure) return;
    try {
      await remove(`/v3/webhooks/${hook.id}`);
      hooks = hooks.filter((each) => each.id !== hook.id);
      toast(t("webhooks.removed"));
      paint();
    } catch (error) {
      explain(error);
    }
  }

  function row(hook) {
    const kind = { active: "good", failing: "busy", failed: "bad" }[hook.status] ?? "";
    return [
      h("div", {}, h("strong", { class: "breakable" }, hook.webhook_url),
        h("div", { class: "muted small" }, hook.description)),
      h("span", { class: "small breakable" }, hook.trigger_types.join(", ")),
      h("div", {}, h("span", { class: `badge ${kind}` }, t(`webhooks.status.${hook.status}`)),
        TROUBLED.includes(hook.status) &&
          h("div", { class: "small" }, t(`webhooks.trouble.${hook.status}`))),
      h("div", { class: "actions start" },
        button(t("deliveries.title"), () => showDeliveries(hook, explain),
          { kind: "small", "aria-label": t("deliveries.open", { url: hook.webhook_url }) }),
        button(t(isOff(hook) ? "webhooks.resume" : "webhooks.pause"), () => pause(hook),
          { kind: "small" }),
        button(t("remove"), () => take(hook), { kind: "small quiet danger" })),
    ];
  }

  function paint() {
    fill(
      place,
      h("div", { class: "page-head" }, h("h1", {}, t("admin.webhooks")), add),
      table(
        t("admin.webhooks"),
        [t("webhooks.url"), t("webhooks.events"), t("accounts.status"), t("actions")],
        hooks.map(row),
      ),
    );
  }

  paint();
}
