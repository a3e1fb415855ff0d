// Choosing the language of the page.

import { button, dialog, h } from "./dom.js";
import { choose, language, LANGUAGES, t } from "./i18n.js";

export function languageChoices() {
  return h("ul", { class: "plain" }, Object.entries(LANGUAGES).map(([code, name]) =>
    h("li", {}, button(name, () => choose(code), {
      kind: "quiet small", lang: code, "aria-pressed": String(code === language),
    }))));
}

export function languageButton() {
  return button(t("language"), () => {
    const shown = dialog(t("language"), h("div", { class: "choices" }, languageChoices()), [
      button(t("cancel"), () => shown.close()),
    ]);
  }, { symbol: "globe", only: true, kind: "quiet" });
}
