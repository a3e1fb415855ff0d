// What waits to be sent from the mailbox that is shown: a folder that is there as long as something does.

import { toast } from "./dom.js";
import { t } from "./i18n.js";
import { scheduledRow } from "./rows.js";
import { calledBack, waitingSends } from "./waiting.js";

const POLL_MS = 60_000;

// `edit(grant, draft)` goes on with a draft; `look` reads the list anew, `refresh` all that is shown.
export class WaitingList {
  constructor({ edit, look, refresh, explain }) {
    Object.assign(this, { edit, look, refresh, explain });
    this.asks = 0;
    this.answered = 0; // the newest ask of which the answer is shown
    this.of("");
  }

  of(grant) {
    Object.assign(this, { grant, sends: [], askedAt: 0 });
  }

  isDue() {
    const now = Date.now();
    return now - this.askedAt > POLL_MS || this.sends.some(({ at }) => at * 1000 < now);
  }

  // Answers whether it is another list than before.
  async ask() {
    const { grant, explain } = this;
    const mine = ++this.asks;
    this.askedAt = Date.now();
    const edit = (draft) => this.edit(grant, draft);
    const found = await waitingSends(grant, { changed: this.look, explain, edit });
    if (grant !== this.grant || mine < this.answered) return false;
    this.answered = mine;
    if (JSON.stringify(found) === JSON.stringify(this.sends)) return false;
    this.sends = found;
    return true;
  }

  // It comes with the first send that waits, and goes with the last, or when one leaves it.
  among(folders, isOpen) {
    const others = folders.filter((each) => each.role !== "scheduled");
    if (!this.sends.length && !isOpen) return others;
    const place = others.findIndex((each) => each.role === "drafts") + 1;
    return others.toSpliced(place, 0, {
      id: "scheduled", role: "scheduled", symbol: "clock", name: t("folder.scheduled"), asked: {},
    });
  }

  items() {
    return this.sends.map((each) => ({
      id: each.id, key: JSON.stringify(each), make: () => scheduledRow(each, { cancel: () => this.callBack(each) }),
    }));
  }

  // What waits is kept as a draft; it is shown in one place.
  withoutDrafts(threads) {
    const parked = new Set(this.sends.map(({ draft }) => draft?.id));
    return threads.filter((thread) => !thread.draft_ids?.length || thread.draft_ids.some((id) => !parked.has(id)));
  }

  async callBack({ id, draft }) {
    const { grant } = this;
    try {
      const kept = await calledBack(grant, id, draft?.id);
      toast(t("waiting.called_back"));
      if (kept) await this.edit(grant, kept);
    } catch (error) {
      if (error.status === 409) toast(t("waiting.too_late"), { kind: "error" });
      else this.explain(error);
    }
    await this.refresh();
  }
}
