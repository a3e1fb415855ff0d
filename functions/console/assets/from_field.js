// Who a message is from: one of its mailbox's addresses; of a new one, any mailbox's.

import { field, fill, h } from "./dom.js";
import { t } from "./i18n.js";
import { sendersOf } from "./own_addresses.js";

const isSame = (one, other) => one.grant === other.grant && one.email.toLowerCase() === other.email.toLowerCase();

export class FromField {
  // `email` may be left empty. `chosen` hears that somebody has chosen another one.
  constructor({ mailboxes, grant, email, chosen }) {
    this.isOpen = !email;
    const main = mailboxes.find((each) => each.id === grant).email;
    this.value = { grant, email: email || main };
    this.choices = [];
    this.select = h("select", {
      onchange: () => {
        this.isOpen = false;
        this.value = this.choices[this.select.selectedIndex];
        chosen();
      },
    });
    this.element = h("div", {});
    for (const mailbox of mailboxes) this.offer(mailbox.id, [mailbox.email]);
    this.offer(grant, [this.value.email]);
    // They arrive after the composer has opened, and without a connection not at all.
    for (const mailbox of mailboxes) this.addAliases(mailbox).catch(console.warn);
  }

  // As the API takes it from a mailbox. Where there is no choice, it knows.
  senderAt(grant) {
    const offered = this.choices.filter((each) => each.grant === grant);
    const isNeeded = offered.length > 1 && this.value.grant === grant;
    return isNeeded ? { from: [{ email: this.value.email }] } : {};
  }

  async addAliases(mailbox) {
    const senders = await sendersOf(mailbox);
    const preferred = senders.find((each) => each.is_default);
    if (this.isOpen && preferred && this.value.grant === mailbox.id) {
      this.value = { grant: mailbox.id, email: preferred.email };
    }
    this.offer(mailbox.id, senders.map((each) => each.email));
  }

  offer(grant, emails) {
    for (const email of emails) {
      const one = { grant, email };
      if (this.choices.some((each) => isSame(each, one))) continue;
      const last = this.choices.findLastIndex((each) => each.grant === grant);
      this.choices.splice(last < 0 ? this.choices.length : last + 1, 0, one);
    }
    this.paint();
  }

  paint() {
    fill(this.select, this.choices.map((each) =>
      h("option", { value: `${each.grant} ${each.email}`, selected: isSame(each, this.value) }, each.email)));
    if (this.choices.length < 2) {
      fill(this.element, h("p", { class: "muted small from" }, `${t("compose.from")}: ${this.value.email}`));
    } else if (!this.element.contains(this.select)) {
      fill(this.element, field(t("compose.from"), this.select));
    }
  }
}
