// The rows of a list where they stand: new ones come above what one reads without moving it.

import { fill, h } from "./dom.js";
import { t } from "./i18n.js";

const ANCHORS = 30;

export class ListView {
  constructor(tools, notices) {
    this.tools = tools;
    this.rows = h("ul", { class: "rows" });
    this.below = h("div", { class: "below" });
    this.element = h("section", { class: "listing", "aria-label": t("mail.list") }, tools, notices, this.rows, this.below);
  }

  clear() {
    fill(this.rows);
  }

  // Rows, {id, key, make} each, and what stands below them: its text, and what makes it of that.
  show(items, [text, make]) {
    this.keepingFocus(() => this.inPlace(() => paintRows(this.rows, items)));
    this.rows.hidden = items.length === 0;
    if (text === this.belowShown) return;
    this.belowShown = text;
    fill(this.below, make(text));
  }

  keepingFocus(paint) {
    const at = document.activeElement;
    const before = this.rows.contains(at) && [at.closest("li").dataset.id, at.dataset.part];
    paint();
    if (!before || this.rows.contains(document.activeElement)) return;
    this.rows.querySelector(`li[data-id="${before[0]}"] [data-part="${before[1]}"]`)?.focus({ preventScroll: true });
  }

  // Browsers' own anchoring holds on to the search box instead while somebody writes there, and not
  // every browser has it.
  inPlace(paint) {
    const top = (element) => element.getBoundingClientRect().top;
    const edge = this.tools.getBoundingClientRect().bottom;
    const seen = this.element.scrollTop > 0
      ? [...this.rows.children].filter((each) => each.getBoundingClientRect().bottom > edge).slice(0, ANCHORS) : [];
    const before = new Map(seen.map((each) => [each, top(each)]));
    paint();
    // One that was made anew may have moved; at midnight all of them are.
    const again = (each) => this.rows.querySelector(`li[data-id="${each.dataset.id}"]`);
    const still = seen.find((each) => each.isConnected) ?? seen.find(again);
    if (still) this.element.scrollTop += top(again(still)) - before.get(still);
  }
}

// Puts rows into a list: {id, key, make} each. One whose key is as before stays the element that it
// is, so that the focus stays in it, and the browser keeps what one reads where it stands.
function paintRows(list, items) {
  const before = new Map([...list.children].map((element) => [element.dataset.id, element]));
  const wanted = items.map(({ id, key, make }) => {
    const known = before.get(id);
    if (known?.rowKey === key) return known;
    return Object.assign(make(), { rowKey: key });
  });
  const stay = new Set(wanted);
  for (const element of [...list.children]) {
    if (!stay.has(element)) element.remove();
  }
  let at = list.firstElementChild;
  for (const element of wanted) {
    if (element === at) at = at.nextElementSibling;
    else list.insertBefore(element, at);
  }
}
