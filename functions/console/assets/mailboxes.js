// The mailboxes of whoever is signed in: how they are, and connecting another one.

import { post, remove } from "./api.js";
import { button, confirmed, fill, h, toast } from "./dom.js";
import { plural, t } from "./i18n.js";
import { BRANDS, connect, connectButtons } from "./signin.js";
import { repeated } from "./repeated.js";
import { isFirstSync, progress, state } from "./status.js";
import { updateRows } from "./tables.js";

const POLL_MS = 4000;

export async function show(main, { session, explain, reload }) {
  let open = true;
  const none = h("p", {}, t("mailboxes.none"));
  const cards = h("ul", { class: "cards" });

  function card(mailbox) {
    const dead = mailbox.grant_status === "invalid";
    return h(
      "li",
      { class: "card", "data-id": mailbox.id },
      h(
        "div",
        { class: "card-head" },
        h("div", {}, h("h2", {}, mailbox.email), h("p", { class: "muted" }, BRANDS[mailbox.provider])),
        state(mailbox.sync.state),
      ),
      dead ? h("p", {}, t("mailboxes.reconnect_hint")) : progress(mailbox.sync),
      isFirstSync(mailbox.sync) &&
        h("p", { class: "muted small" }, plural("mailboxes.stored", mailbox.sync.stored)),
      h(
        "div",
        { class: "actions start" },
        dead &&
          button(t("reconnect"), () => connect(mailbox.provider, mailbox).catch(explain), {
            kind: "primary",
          }),
        !dead && button(t("mailboxes.sync"), () => sync(mailbox), { symbol: "refresh" }),
        button(t("disconnect"), () => disconnect(mailbox), { kind: "quiet danger" }),
      ),
    );
  }

  async function sync(mailbox) {
    try {
      await post(`/v3/grants/${mailbox.id}/sync`, { mode: "incremental" });
      toast(t("mailboxes.syncing"));
    } catch (error) {
      explain(error);
    }
  }

  async function disconnect(mailbox) {
    const sure = await confirmed(
      t("disconnect.title", { email: mailbox.email }),
      t("disconnect.text"),
      t("disconnect"),
      t("cancel"),
    );
    if (!sure) return;
    try {
      await remove(`/v3/grants/${mailbox.id}`);
      toast(t("disconnect.done", { email: mailbox.email }));
      await refresh();
    } catch (error) {
      explain(error);
    }
  }

  function paint() {
    none.hidden = session.mailboxes.length > 0;
    updateRows(cards, session.mailboxes.map(card));
  }

  async function refresh() {
    session = await reload();
    if (open) paint();
  }

  fill(
    main,
    h(
      "div",
      { class: "page" },
      h("h1", {}, t("nav.mailboxes")),
      none,
      cards,
      h("h2", {}, t("mailboxes.add")),
      h("div", { class: "actions start" }, connectButtons(session.providers, explain)),
    ),
  );
  paint();
  const stop = repeated(refresh, POLL_MS, explain);
  return () => {
    open = false;
    stop();
  };
}
