// Sending what has been written: never twice, and never anything else than what is shown.
//
//     asked ──► answered: it has left ──► its draft is deleted
//       │           or it waits (undo window, large file, its time) ──► its draft is parked
//       ├─ no answer ──1, 3, 8 s──► asked again, with the same key
//       └─ nothing was heard to the end ──► in doubt: another message is sent once its author agrees

import { call, remove } from "./api.js";
import { confirmed, toast } from "./dom.js";
import { t } from "./i18n.js";
import { parsed, token } from "./letters.js";
import { follow, parkedDraft } from "./waiting.js";

const RETRY_MS = [1000, 3000, 8000];

// Whom `fields` ({to, cc, bcc}, texts) name. Answers nothing, and says why, if it cannot be sent so.
export async function recipientsOf(fields, { files, subject, sendAt, tofield }) {
  const all = {};
  try {
    for (const [name, text] of Object.entries(fields)) all[name] = parsed(text);
  } catch (problem) {
    toast(t("compose.bad_address", { text: problem.message }), { kind: "error" });
    return null;
  }
  if (!all.to.length && !all.cc.length && !all.bcc.length) {
    toast(t("compose.no_recipient"), { kind: "error" });
    tofield.focus();
    return null;
  }
  if (files.uploads.some((each) => !each.id)) {
    toast(t("compose.still_uploading"), { kind: "error" });
    return null;
  }
  const needed = (sendAt || Date.now() / 1000) * 1000;
  const late = files.uploads.find((each) => each.endsAt < needed);
  if (late) {
    toast(t("compose.upload_too_old", { name: late.name }), { kind: "error" });
    return null;
  }
  const isMeant = subject.trim() ||
    (await confirmed(t("compose.no_subject.title"), t("compose.no_subject.text"), t("compose.send"), t("cancel")));
  return isMeant ? all : null;
}

export class Sending {
  // `address` answers where the mailbox is in the API, `content` and `details` what its draft has.
  constructor({ address, saver, files, content, details, session, explain, changed, edit }) {
    Object.assign(this, { address, saver, files, content, details, session, explain, changed, edit });
    this.key = token();
    this.asked = "";
  }

  sendDraft() {
    return insisting(() => call("POST", `${this.address()}/drafts/${this.saver.id}`));
  }

  // An attempt of which nothing was heard may have left: what differs from it is another message.
  async isSure(message) {
    if (!this.asked || this.asked === JSON.stringify(message)) return true;
    return confirmed(t("compose.doubt.title"), t("compose.doubt.text"), t("compose.send"), t("cancel"));
  }

  async sendMessage(message) {
    const now = JSON.stringify(message);
    if (this.asked !== now) this.key = token();
    this.asked = now;
    try {
      return await insisting(() =>
        call("POST", `${this.address()}/messages/send`, message, { "Idempotency-Key": this.key }));
    } catch (error) {
      if (error.status >= 400 && error.status < 500 && error.status !== 409) this.asked = "";
      throw error;
    }
  }

  // What becomes of the draft; `data` is what the send was answered.
  async sent(data, { grant, people, subject, wasDraft }) {
    const { saver, session } = this;
    // A draft may have been made of which nothing was heard.
    if (saver.making) await saver.save();
    if (data.id) {
      toast(t("compose.sent"));
      if (saver.id && !wasDraft) await remove(`${this.address()}/drafts/${saver.id}`).catch(this.explain);
      this.changed();
      return;
    }
    const isLater = data.send_at - Date.now() / 1000 > Math.max(session.undo_seconds, 60);
    const parked = this.park(people, { schedule: data.schedule_id, isLater });
    parked.catch(this.explain);
    await follow({
      grant, id: data.schedule_id, at: data.send_at, isLater, subject, parked: parked.catch(() => saver.id),
    }, { explain: this.explain, changed: this.changed, edit: this.edit });
  }

  // Until it has left it is a draft, which is what comes back if it does not.
  async park(people, send) {
    const { saver } = this;
    const draft = { ...this.content(), ...parkedDraft(people, send, this.details()) };
    if (!saver.id || saver.hasNewFiles) draft.attachments = await this.files.encoded();
    const answer = saver.id
      ? await call("PUT", `${this.address()}/drafts/${saver.id}`, draft)
      : await call("POST", `${this.address()}/drafts`, draft, { "Idempotency-Key": token() });
    return answer.data.id;
  }
}

// While it is not known whether a request arrived, it is made again: none of them acts twice.
async function insisting(ask) {
  for (const pause of [...RETRY_MS, 0]) {
    try {
      return await ask();
    } catch (error) {
      const isOpen = error.status === 0 || error.status === 409 || error.status >= 500;
      if (!isOpen || !pause) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return undefined;
}
