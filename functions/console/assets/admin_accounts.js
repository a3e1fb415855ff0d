// All connected mailboxes: how they are, and what an administrator can have done to them.

import { each, get, page, post, query, remove } from "./api.js";
import { button, confirmed, fill, h, isFocusAt, toast } from "./dom.js";
import { ago, has, longTime, number, t } from "./i18n.js";
import { repeated } from "./repeated.js";
import { sentence } from "./sentences.js";
import { isFirstSync, progress, state } from "./status.js";
import { table, updateRows } from "./tables.js";

const PAGE = 25;
const POLL_MS = 8000;
const COLUMNS = ["email", "status", "stored", "synced", "watch", "drift", "error"];

function audit(report) {
  if (!report) return "–";
  if (report.state === "never") return t("audit.never");
  if (report.state !== "done") return t(`audit.${report.state}`);
  const drift = Math.abs(report.all_mail?.drift ?? 0);
  return drift ? t("audit.drift", { count: number(drift) }) : t("audit.complete");
}

// How many there are is counted by the audit alone; the first sync counts what it copies.
function messages(sync, report) {
  if (isFirstSync(sync)) return number(sync.stored);
  const counted = report?.all_mail;
  if (!counted) return "–";
  return h("span", { title: t("accounts.counted", { time: longTime(counted.looked_at) }) }, number(counted.stored_count));
}

// What it means, in the reader's language; what the server noted itself, for whoever looks into it.
function trouble({ last_error: noted, last_error_type: type }) {
  if (!noted) return "–";
  return h("details", {},
    h("summary", {}, t(has(`trouble.${type}`) ? `trouble.${type}` : "trouble.other")),
    h("span", { lang: "en", class: "muted breakable" }, noted));
}

function time(seconds, missing) {
  return seconds ? h("time", { title: longTime(seconds) }, ago(seconds)) : missing;
}

export async function show(place, { explain }) {
  let shown = [];
  let loaded = 0; // how many the server has named: where the next page begins
  let isLast = false;
  let open = true;
  let revision = 0; // of what was done here: answers that were on their way do not know of it
  const holder = h("div", {});
  const below = button(t("load_more"), more);

  // Those from `offset` on, up to `end` or to the last one.
  async function load(offset, end) {
    const found = [];
    let last;
    do {
      // One more than is shown tells whether others follow.
      const asked = query({ limit: PAGE + 1, offset: offset + found.length });
      const answered = (await page(`/v3/grants${asked}`)).data;
      found.push(...answered.slice(0, PAGE));
      last = answered.length <= PAGE;
    } while (!last && offset + found.length < end);
    return { accounts: await details(found), next: offset + found.length, last };
  }

  async function details(found) {
    const known = new Map(shown.map((grant) => [grant.id, grant]));
    const whole = new Map();
    const failures = await each(found, async (grant) => {
      const [one, report] = await Promise.all([
        get(`/v3/grants/${grant.id}`),
        get(`/v3/grants/${grant.id}/audit`).catch(() => known.get(grant.id)?.audit),
      ]);
      whole.set(grant.id, { ...one, audit: report });
    });
    for (const [grant, error] of failures) {
      if (error.status !== 404) whole.set(grant.id, { ...grant, ...known.get(grant.id), unread: error });
    }
    return found.filter((grant) => whole.has(grant.id)).map((grant) => whole.get(grant.id));
  }

  function actions(grant) {
    const act = (label, path, body) =>
      button(label, () => run(grant, path, body), { kind: "small" });
    return h(
      "div",
      { class: "actions start", role: "group", "aria-label": t("accounts.more", { email: grant.email }) },
      act(t("accounts.sync"), "sync", { mode: "incremental" }),
      act(t("accounts.resync"), "sync", { mode: "full" }),
      act(t("accounts.audit"), "audit"),
      button(t("disconnect"), () => take(grant), { kind: "small quiet danger" }),
    );
  }

  async function run(grant, path, body) {
    try {
      await post(`/v3/grants/${grant.id}/${path}`, body);
      toast(t("accounts.started", { email: grant.email }));
    } catch (error) {
      explain(error);
    }
  }

  async function take(grant) {
    const sure = await confirmed(
      t("disconnect.title", { email: grant.email }), t("disconnect.text"), t("disconnect"), t("cancel"),
    );
    if (!sure) return;
    try {
      await remove(`/v3/grants/${grant.id}`);
      revision += 1;
      loaded -= 1;
      shown = shown.filter((each) => each.id !== grant.id);
      toast(t("disconnect.done", { email: grant.email }));
      paint();
    } catch (error) {
      explain(error);
    }
  }

  function row(grant) {
    const { sync = {}, unread } = grant;
    const paused = sync.paused_until && sync.paused_until * 1000 > Date.now();
    return [
      h("div", {}, h("strong", {}, grant.email), h("div", { class: "muted small" }, t(`provider.${grant.provider}`))),
      sync.state ? h("div", {}, state(sync.state), progress(sync)) : "–",
      messages(sync, grant.audit),
      time(sync.synced_at, sync.state ? t("accounts.never") : "–"),
      time(sync.watch_expires_at, sync.state ? t("accounts.polled") : "–"),
      audit(grant.audit),
      h("div", { class: "small trouble" },
        unread ? sentence(unread)
          : paused ? t("accounts.paused", { time: longTime(sync.paused_until) }) : trouble(sync)),
      actions(grant),
    ];
  }

  function paint() {
    const made = table(
      t("admin.accounts"),
      [...COLUMNS.map((name) => t(`accounts.${name}`)), t("actions")],
      shown.map(row),
      shown.map((grant) => grant.id),
    );
    const rows = holder.querySelector("tbody");
    if (rows && shown.length) updateRows(rows, [...made.querySelector("tbody").children]);
    else fill(holder, made);
    below.hidden = isLast;
  }

  async function more() {
    const from = document.activeElement;
    try {
      let mine;
      let found;
      do {
        mine = revision;
        found = await load(loaded, loaded);
      } while (open && mine !== revision);
      revision += 1;
      const before = shown.length;
      const known = new Set(shown.map((grant) => grant.id));
      shown = [...shown, ...found.accounts.filter((grant) => !known.has(grant.id))];
      [loaded, isLast] = [found.next, found.last];
      paint();
      // One reads on from the first that came; with the last page the button is gone.
      if (isFocusAt(from)) holder.querySelectorAll("tbody tr")[before]?.querySelector("button").focus();
    } catch (error) {
      explain(error);
    }
  }

  async function refresh() {
    const mine = revision;
    const found = await load(0, loaded);
    // What was done meanwhile is seen the next time.
    if (!open || mine !== revision) return;
    [shown, loaded, isLast] = [found.accounts, found.next, found.last];
    paint();
  }

  await refresh();
  fill(place, h("h1", {}, t("admin.accounts")), holder, below);
  const stop = repeated(refresh, POLL_MS, explain);
  return () => {
    open = false;
    stop();
  };
}
