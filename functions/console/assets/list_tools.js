// What stands above a list: searching, looking for new mail and, while some are selected, what can be
// done to them.

import { button, fill, h, icon } from "./dom.js";
import { plural, t } from "./i18n.js";

export class ListTools {
  // `menu` shows the folders where there is no room for them, `look` looks for new mail, `search` hears
  // what is searched for, `selectAll` and `unselect` what they say.
  constructor({ menu, look, search, selectAll, unselect }) {
    this.unselect = unselect;
    this.shown = ""; // what is said of those that are selected
    this.element = h("div", { class: "tools" });
    this.search = h("input", {
      type: "search", placeholder: t("mail.search"), "aria-label": t("mail.search"), enterkeyhint: "search",
    });
    this.pickAll = h("input", { type: "checkbox", "aria-label": t("mail.select_all"), onchange: selectAll });
    const submit = (event) => {
      event.preventDefault();
      search(this.search.value.trim());
    };
    this.menu = button(t("mail.menu"), menu, {
      symbol: "menu", only: true, kind: "quiet menu", "aria-controls": "folders", "aria-expanded": "false",
    });
    // Made once: whoever writes a search, or stands on a button, is not interrupted by new mail.
    this.ofList = [
      this.menu,
      h("label", { class: "pick" }, this.pickAll),
      h("form", { role: "search", onsubmit: submit }, icon("search"), this.search),
      button(t("mail.refresh"), look, { symbol: "refresh", only: true, kind: "quiet" }),
    ];
  }

  // `actions` are the buttons for the `count` that are selected.
  show({ count, isEmpty, actions }) {
    if (count) {
      const buttons = actions().filter(Boolean);
      // A button that is made again while it is pressed does nothing.
      const shown = [count, ...buttons.map((each) => each.getAttribute("aria-label"))].join();
      if (shown === this.shown) return;
      this.shown = shown;
      this.keepingFocus(() => fill(
        this.element,
        button(t("mail.unselect"), this.unselect, { symbol: "close", only: true }),
        h("strong", { role: "status" }, plural("mail.selected", count)),
        h("div", { class: "actions" }, buttons),
      ));
      return;
    }
    this.shown = "";
    Object.assign(this.pickAll, { checked: false, disabled: isEmpty });
    if (!this.ofList[0].isConnected) this.keepingFocus(() => fill(this.element, this.ofList));
  }

  // What had it may be there again; else it goes to what undoes the change, or selects again.
  keepingFocus(paint) {
    if (!this.element.contains(document.activeElement)) return paint();
    const at = document.activeElement.getAttribute("aria-label");
    paint();
    const buttons = [...this.element.querySelectorAll("button")];
    const again = buttons.find((each) => each.getAttribute("aria-label") === at);
    return (again ?? (this.pickAll.isConnected ? this.pickAll : buttons[0])).focus();
  }
}
