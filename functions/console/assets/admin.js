// The administrator's pages: a row of sections, each of which fills the same place.

import { fill, h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { repeated } from "./repeated.js";

const SESSION_POLL_MS = 60_000;

const SECTIONS = {
  providers: ["plug", () => import("./admin_providers.js")],
  accounts: ["inbox", () => import("./admin_accounts.js")],
  people: ["person", () => import("./admin_people.js")],
  keys: ["key", () => import("./admin_keys.js")],
  webhooks: ["hook", () => import("./admin_webhooks.js")],
};

export async function show(main, context, asked) {
  const section = asked in SECTIONS ? asked : "providers";
  const place = h("div", { class: "page" }, h("p", { class: "muted empty", role: "status" }, t("loading")));
  fill(
    main,
    h(
      "nav",
      { class: "sections", "aria-label": t("admin.sections") },
      Object.entries(SECTIONS).map(([name, [symbol]]) =>
        h(
          "a",
          {
            href: `#/admin/${name}`,
            class: "tab",
            ...(name === section ? { "aria-current": "page" } : {}),
          },
          icon(symbol),
          h("span", {}, t(`admin.${name}`)),
        ),
      ),
    ),
    place,
  );
  const view = await SECTIONS[section][1]();
  const shown = await view.show(place, context);
  const { leave, hasUnsaved } = typeof shown === "function" ? { leave: shown } : shown ?? {};
  // Not every section asks the server for anything by itself.
  const stop = repeated(context.reload, SESSION_POLL_MS, context.explain);
  return {
    hasUnsaved,
    leave: () => {
      stop();
      leave?.();
    },
  };
}
