// How a mailbox is, in words and a colour; the colour never says it alone.

import { h } from "./dom.js";
import { number, t } from "./i18n.js";

const KINDS = {
  synced: "good",
  backfilling: "busy",
  waiting: "busy",
  reauth_required: "bad",
  mailbox_unavailable: "bad",
};

export function state(name) {
  return h("span", { class: `badge ${KINDS[name] ?? ""}` }, t(`state.${name}`));
}

// `stored` tells how far the first sync has come; mail that comes and goes later is not counted.
export function isFirstSync({ state: name }) {
  return ["backfilling", "waiting"].includes(name);
}

export function progress(sync) {
  if (sync.state !== "backfilling" || !sync.total_estimate) return null;
  const share = Math.min(1, sync.stored / sync.total_estimate);
  const label = t("progress", {
    stored: number(sync.stored),
    total: number(sync.total_estimate),
  });
  return h(
    "div",
    { class: "progress" },
    h("progress", { max: "1", value: String(share), "aria-label": label }),
    h("span", { class: "small muted" }, label),
  );
}
