// The folders of a mailbox beside its mail, with what is unread in them, and the way to other mailboxes.

import { button, fill, h, icon } from "./dom.js";
import { number, t } from "./i18n.js";

export class FoldersSide {
  // `write` begins a message, `switchTo` shows another mailbox, `left` hears that a folder was chosen.
  constructor({ write, switchTo, left }) {
    Object.assign(this, { write, switchTo, left });
    this.shape = "";
    this.element = h("aside", { class: "side", id: "folders", "aria-label": t("mail.folders") });
  }

  // `current` is the folder's id, `waiting` how many messages wait to be sent.
  show({ grant, folders, current, waiting, mailboxes }) {
    const isSame = grant === this.grant && current === this.current;
    Object.assign(this, { grant, folders, current, waiting, mailboxes });
    const shape = JSON.stringify([
      grant, current, mailboxes.map((each) => each.id), folders.map(({ id, name }) => [id, name]),
    ]);
    // A list of mailboxes that is open would close.
    const isBusy = isSame && this.element.querySelector("select:focus");
    if (shape !== this.shape && !isBusy) {
      this.shape = shape;
      this.keepingFocus(() => this.paint());
    }
    this.paintCounts();
  }

  paint() {
    const own = this.mailboxes.find((each) => each.id === this.grant);
    const switcher = h(
      "select",
      { "aria-label": t("mail.mailbox"), onchange: () => this.switchTo(switcher.value) },
      this.mailboxes.map((each) => h("option", { value: each.id, selected: each === own }, each.email)),
    );
    const [known, others] = [true, false].map((isKnown) => this.folders.filter(({ role }) => Boolean(role) === isKnown));
    fill(
      this.element,
      this.mailboxes.length > 1 ? switcher : h("p", { class: "address", title: own?.email }, own?.email),
      button(t("mail.compose"), this.write, { kind: "primary wide", symbol: "pen" }),
      h("nav", { "aria-label": t("mail.folders") },
        h("ul", { class: "plain" }, known.map((folder) => this.link(folder))),
        others.length > 0 && h("ul", { class: "plain own" }, others.map((folder) => this.link(folder)))),
    );
  }

  link(folder) {
    return h("li", {},
      h("a", {
        href: `#/mail/${this.grant}/${encodeURIComponent(folder.id)}`,
        "data-folder": folder.id,
        onclick: this.left,
        ...(folder.id === this.current ? { "aria-current": "page" } : {}),
      },
      icon(folder.symbol),
      h("span", { class: "name" }, folder.name)));
  }

  // Only what has changed: a link that is made again would lose the focus.
  paintCounts() {
    for (const link of this.element.querySelectorAll("a")) {
      const folder = this.folders.find((each) => each.id === link.dataset.folder);
      const count = link.querySelector(".count");
      const text = folder ? this.countOf(folder) : "";
      if (count?.dataset.text === text) continue;
      count?.remove();
      if (!text) continue;
      const isUnread = folder.role !== "scheduled";
      link.append(h("span", { class: "count", "data-text": text }, text,
        isUnread && h("span", { class: "hidden" }, ` ${t("mail.unread")}`)));
    }
  }

  countOf({ role, unread_count: unread }) {
    if (role === "scheduled") return number(this.waiting);
    return unread > 0 && ["inbox", "spam", ""].includes(role) ? number(unread) : "";
  }

  keepingFocus(paint) {
    const at = this.element.contains(document.activeElement) ? document.activeElement : null;
    paint();
    if (!at) return;
    const links = [...this.element.querySelectorAll("a")];
    const again = at.tagName === "A" ? links.find((each) => each.dataset.folder === at.dataset.folder)
      : this.element.querySelector(at.tagName);
    (again ?? this.element.querySelector("[aria-current]"))?.focus();
  }
}
