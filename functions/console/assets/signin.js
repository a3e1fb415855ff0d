// Coming in: with a mailbox, or as an administrator with an API key.

import { keyForm } from "./administrator_key.js";
import { post } from "./api.js";
import { button, fill, h, icon } from "./dom.js";
import { has, t } from "./i18n.js";
import { languageChoices } from "./languages.js";

export const BRANDS = { google: "Gmail", microsoft: "Outlook" };

export async function connect(provider, { invitation = "", email = "" } = {}) {
  const departure = await post("/console/connections", { provider, invitation, email });
  location.assign(departure.consent_url);
}

export function connectButtons(providers, onfail, more = {}) {
  return providers.map((provider) =>
    button(
      t("connect", { name: BRANDS[provider] ?? provider }),
      (event) => {
        const pressed = event.currentTarget;
        pressed.disabled = true;
        connect(provider, more).catch((error) => {
          pressed.disabled = false;
          onfail(error);
        });
      },
      { kind: `connect ${provider}`, symbol: "unread" },
    ),
  );
}

// `asksKey`: whoever was here was an administrator.
export function show(root, { session, invitation, reason, asksKey, start, explain }) {
  const { providers } = session;
  const problem = h("p", { class: "notice bad", role: "alert", hidden: !reason });
  if (reason) problem.textContent = t(has(`refused.${reason}`) ? `refused.${reason}` : "refused.other");
  const mailbox = h(
    "section",
    { "aria-labelledby": "with-mailbox" },
    h("h2", { id: "with-mailbox" }, invitation ? t("signin.invited") : t("signin.mailbox")),
    providers.length === 0
      ? h("p", { class: "muted" }, t("signin.no_providers"))
      : [
          h("p", { class: "muted" }, t(session.sign_up === "anyone" || invitation
            ? "signin.mailbox_open" : "signin.mailbox_invited")),
          h("div", { class: "stack" }, connectButtons(providers, explain, { invitation })),
        ],
  );
  const administrator = h(
    "details",
    { class: "administrator", open: asksKey || providers.length === 0 },
    h("summary", {}, icon("key"), t("signin.administrator")),
    keyForm({ problem, start, explain }),
  );
  fill(
    root,
    h(
      "main",
      { class: "alone signin", id: "main" },
      h("div", { class: "brand large" }, h("span", { class: "mark" }, icon("unread")), "Postroom"),
      h("h1", {}, t("signin.title")),
      problem,
      mailbox,
      administrator,
      h("p", { class: "muted small" }, t("signin.privacy")),
      h("nav", { class: "languages", "aria-label": t("language") }, languageChoices()),
    ),
  );
}
