// What the administrator registers at Google and Microsoft, with a guide beside the form.

import { get, patch, post, remove, Refused } from "./api.js";
import { button, confirmed, field, fill, h, toast } from "./dom.js";
import { has, t } from "./i18n.js";
import { copyable } from "./tables.js";

const PROVIDERS = ["google", "microsoft"];

function steps(provider) {
  const items = [];
  for (let step = 1; has(`guide.${provider}.${step}`); step += 1) {
    items.push(h("li", {}, t(`guide.${provider}.${step}`)));
  }
  return h("ol", { class: "steps" }, items);
}

// Those who use the console alone need no return address: that none is registered is no flaw here.
const NO_FLAW = "no_return_address";

// What is wrong, and the provider's own code for it: that is what one searches for.
function flaw(provider, { code, provider_code: known = "" }) {
  return h("li", {}, t(`provider.flaw.${code}`, { name: t(`provider.${provider}`) }),
    known && [" ", h("code", {}, known)]);
}

export async function show(place, { explain, reload }) {
  const changed = {}; // by provider: whether the form says something else than what is saved
  const connectors = await get("/v3/connectors");
  const known = Object.fromEntries(connectors.map((each) => [each.provider, each]));
  const redirect = connectors[0]?.redirect_uri ?? `${location.origin}/v3/connect/callback`;

  function card(provider) {
    const section = h("section", { class: "card provider", "aria-labelledby": `head-${provider}` });
    paint(section, provider);
    return section;
  }

  function paint(section, provider) {
    const connector = known[provider];
    const name = t(`provider.${provider}`);
    const settings = connector?.settings ?? {};
    const inputs = {
      client_id: h("input", {
        type: "text", required: true, spellcheck: "false", autocomplete: "off",
        value: settings.client_id ?? "",
      }),
      client_secret: h("input", {
        type: "password", required: !connector, autocomplete: "new-password",
      }),
      tenant: h("input", {
        type: "text", spellcheck: "false", placeholder: "common", value: settings.tenant ?? "",
      }),
      scope: h("textarea", { rows: "4", spellcheck: "false" }, (connector?.scope ?? []).join("\n")),
      topic_name: h("input", { type: "text", spellcheck: "false", value: settings.topic_name ?? "" }),
    };
    const answer = h("div", { class: "answer", role: "status" });
    const written = () => JSON.stringify(Object.values(inputs).map((input) => input.value.trim()));
    const saved = written();
    changed[provider] = () => written() !== saved;
    const check = () => {
      if (!changed[provider]()) return verify(provider, answer);
      return fill(answer, h("div", { class: "notice" }, h("p", {}, t("provider.unsaved")),
        button(t("provider.save_and_verify"), async () => {
          if (!form.reportValidity()) return;
          const now = await save(section, provider, inputs);
          if (now) await verify(provider, now);
        }, { kind: "small" })));
    };
    const form = h(
      "form",
      { onsubmit: (event) => (event.preventDefault(), save(section, provider, inputs)) },
      h("div", { class: "field" },
        h("span", { class: "label" }, t("provider.redirect")),
        copyable(redirect, t("provider.redirect")),
        h("p", { class: "hint" }, t("provider.redirect_hint"))),
      field(t("provider.client_id"), inputs.client_id),
      field(t("provider.client_secret"), inputs.client_secret,
        t(connector ? "provider.secret_kept" : "provider.secret_hint")),
      provider === "microsoft" && field(t("provider.tenant"), inputs.tenant, t("provider.tenant_hint")),
      provider === "google" && field(t("provider.topic"), inputs.topic_name, t("provider.topic_hint")),
      field(t("provider.scopes"), inputs.scope, t("provider.scopes_hint")),
      h("div", { class: "actions start" },
        h("button", { type: "submit", class: "button primary" }, t("save")),
        connector && button(t("provider.verify"), check, { symbol: "check" }),
        connector && button(t("provider.delete"), () => take(section, provider), { kind: "quiet danger" })),
      answer,
    );
    fill(
      section,
      h("div", { class: "card-head" },
        h("div", {},
          h("h2", { id: `head-${provider}` }, name),
          h("p", { class: "muted" }, t(`provider.${provider}.about`))),
        h("span", { class: `badge ${connector ? "good" : ""}` },
          t(connector ? "provider.ready" : "provider.missing"))),
      h("div", { class: "beside" }, form,
        h("details", { class: "guide", open: true },
          h("summary", {}, t("guide.title", { name })), steps(provider))),
    );
    return answer;
  }

  // Answers where an answer goes in the form that is shown then; nothing if it was not saved.
  async function save(section, provider, inputs) {
    const given = {
      client_id: inputs.client_id.value.trim(),
      tenant: provider === "microsoft" ? inputs.tenant.value.trim() : undefined,
      topic_name: provider === "google" ? inputs.topic_name.value.trim() : undefined,
      client_secret: inputs.client_secret.value.trim() || undefined,
    };
    const scope = inputs.scope.value.split(/\s+/).filter(Boolean);
    // None: those that Postroom needs.
    const change = { settings: given, scope };
    try {
      known[provider] = known[provider]
        ? await patch(`/v3/connectors/${provider}`, change)
        : await post("/v3/connectors", { provider, ...change });
      toast(t("provider.saved", { name: t(`provider.${provider}`) }));
      const answer = paint(section, provider);
      // What was pressed was made anew.
      if (document.activeElement === document.body) section.querySelector("[type=submit]").focus();
      await reload();
      return answer;
    } catch (error) {
      explain(error);
      return null;
    }
  }

  async function verify(provider, answer) {
    fill(answer, h("p", { class: "notice" }, t("provider.verifying")));
    try {
      const { details } = await post(`/v3/connectors/${provider}/verify`);
      const flaws = details.filter((each) => each.code !== NO_FLAW);
      fill(
        answer,
        flaws.length
          ? h("ul", { class: "notice bad" }, flaws.map((each) => flaw(provider, each)))
          : h("p", { class: "notice good" }, t("provider.works")),
        details.length > flaws.length && h("p", { class: "notice neutral" }, t(`provider.flaw.${NO_FLAW}`)),
      );
    } catch (error) {
      fill(answer);
      explain(error);
    }
  }

  async function take(section, provider) {
    const name = t(`provider.${provider}`);
    const sure = await confirmed(
      t("provider.delete.title", { name }), t("provider.delete.text"), t("remove"), t("cancel"),
    );
    if (!sure) return;
    try {
      await remove(`/v3/connectors/${provider}`);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) return explain(error);
    }
    delete known[provider];
    toast(t("provider.removed", { name }));
    paint(section, provider);
    await reload().catch(explain);
    return undefined;
  }

  const hasUnsaved = () => Object.values(changed).some((isChanged) => isChanged());
  const warn = (event) => hasUnsaved() && event.preventDefault();
  fill(place, h("h1", {}, t("admin.providers")), PROVIDERS.map(card));
  addEventListener("beforeunload", warn);
  return { hasUnsaved, leave: () => removeEventListener("beforeunload", warn) };
}
