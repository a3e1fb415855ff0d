// What a webhook was told lately, and what it answered.

import { page, query } from "./api.js";
import { button, dialog, fill, h } from "./dom.js";
import { locale, number, plural, t } from "./i18n.js";
import { table } from "./tables.js";

const PAGE = 20;
const KINDS = { delivered: "good", retrying: "busy", failed: "bad" };
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const milliseconds = new Intl.NumberFormat(locale, { style: "unit", unit: "millisecond" });

function answer(delivery) {
  const { state, status_code: status, failure } = delivery;
  return h("div", {},
    h("span", { class: `badge ${KINDS[state]}` }, t(`deliveries.state.${state}`)),
    h("div", { class: "small" },
      failure ? t(`deliveries.failure.${failure}`) : t("deliveries.answered", { status })));
}

function row(delivery) {
  return [
    h("span", { class: "small" }, moment.format(new Date(delivery.attempted_at * 1000))),
    h("code", { class: "small breakable" }, delivery.type),
    number(delivery.attempt),
    answer(delivery),
    milliseconds.format(delivery.duration_ms),
  ];
}

export async function showDeliveries(hook, explain) {
  const columns = ["time", "event", "attempt", "answer", "duration"];
  const place = h("div", {});
  const count = h("p", { class: "hidden", role: "status" });
  let shown = [];
  let token;

  async function load(after) {
    const path = `/v3/webhooks/${hook.id}/deliveries${query({ limit: PAGE, page_token: after })}`;
    const answered = await page(path);
    // Asked for twice, it has come already.
    if (after && after !== token) return;
    shown = after ? [...shown, ...answered.data] : answered.data;
    token = answered.next_cursor;
    const more = token && button(t("load_more"), () => load(token).catch(explain));
    const before = after && place.querySelectorAll("tbody tr").length;
    fill(place, table(t("deliveries.title"), columns.map((name) => t(`deliveries.${name}`)),
      shown.map(row)), more);
    count.textContent = plural("deliveries.count", shown.length);
    const next = after && place.querySelectorAll("tbody tr")[before];
    if (next) {
      next.tabIndex = -1;
      next.focus();
    }
  }

  try {
    await load();
  } catch (error) {
    explain(error);
    return;
  }
  const opened = dialog(
    t("deliveries.title"),
    [h("p", { class: "muted breakable" }, t("deliveries.of", { url: hook.webhook_url })), count, place],
    [
      button(t("deliveries.refresh"), () => load().catch(explain), { symbol: "refresh" }),
      button(t("close"), () => opened.close(), { kind: "primary" }),
    ],
    { wide: true },
  );
}
