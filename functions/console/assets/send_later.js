// When to send: a time that is offered, or one's own.

import { button, dialog, field, h } from "./dom.js";
import { locale, t } from "./i18n.js";

const SOONEST_MS = 90_000;
const LONGEST_MS = 365 * 86_400_000;

function at(days, hour) {
  const time = new Date();
  time.setDate(time.getDate() + days);
  time.setHours(hour, 0, 0, 0);
  return time;
}

export function offeredTimes() {
  const today = new Date().getDay();
  const untilMonday = (8 - today) % 7 || 7;
  return [
    ["tomorrow_morning", at(1, 8)],
    ["tomorrow_afternoon", at(1, 13)],
    ...(untilMonday === 1 ? [] : [["monday_morning", at(untilMonday, 8)]]),
  ];
}

const short = new Intl.DateTimeFormat(locale, {
  weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit",
});

// What an input for local times takes.
function local(time) {
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

// Promises Unix seconds, or 0 when nothing was chosen.
export function chosenTime() {
  return new Promise((resolve) => {
    let chosen = 0;
    const own = h("input", {
      type: "datetime-local", required: true, value: local(at(1, 9)),
      min: local(new Date(Date.now() + SOONEST_MS)), max: local(new Date(Date.now() + LONGEST_MS)),
    });
    const choose = (time) => {
      chosen = Math.floor(time.getTime() / 1000);
      shown.close();
    };
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const shown = dialog(t("later.title"), [
      h("ul", { class: "plain choices" }, offeredTimes().map(([name, time]) =>
        h("li", {}, button(t(`later.${name}`), () => choose(time), { kind: "quiet", detail: short.format(time) })))),
      h("form", { class: "own-time", onsubmit: (event) => (event.preventDefault(), choose(new Date(own.value))) },
        field(t("later.own"), own, t("later.zone", { zone })),
        h("div", { class: "actions" },
          button(t("cancel"), () => shown.close()),
          h("button", { type: "submit", class: "button primary" }, t("later.submit")))),
    ], null, { onclose: () => resolve(chosen) });
  });
}
