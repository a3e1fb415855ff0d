// Saves what is being composed as a draft, one request at a time.
//
//     touched ──2 s──► saving ──► saved           what is touched meanwhile is saved by the next
//                        ├─ not reachable ──► failed ──5, 10, … 60 s──► saving
//                        ├─ refused ──► failed, until it is touched again
//                        ├─ it is gone ──► made anew
//                        └─ another client changed it ──► elsewhere, until its author has chosen

import { call, get, Refused } from "./api.js";
import { token, wordsOf } from "./letters.js";

const PAUSE_MS = 2000;
const PAUSE_AFTER_FILES_MS = 200;
const LONGEST_PAUSE_MS = 60_000;

export class DraftSaver {
  // `content` answers what a draft takes, `files` promises its attachments, `told` hears the state.
  constructor({ address, content, files, told }) {
    Object.assign(this, { address, content, files, told });
    this.id = "";
    this.seen = null;
    this.making = null;
    this.running = null;
    this.isAsking = false;
    this.isStopped = false;
    this.isElsewhere = false;
    this.revision = 0;
    this.saved = 0;
    this.filesRevision = 0;
    this.savedFiles = 0;
    this.failures = 0;
  }

  get isDirty() {
    return this.saved !== this.revision || Boolean(this.making);
  }

  get hasNewFiles() {
    return this.filesRevision !== this.savedFiles;
  }

  // A draft that is there already, as it was read.
  open(draft) {
    this.id = draft.id;
    this.seen = looks(draft);
  }

  touch({ files = false } = {}) {
    this.revision += 1;
    if (files) this.filesRevision += 1;
    if (!this.isStopped && !this.running) this.told("writing");
    this.later(this.hasNewFiles ? PAUSE_AFTER_FILES_MS : PAUSE_MS);
  }

  later(pause) {
    clearTimeout(this.timer);
    if (!this.isStopped) this.timer = setTimeout(() => this.save(), pause);
  }

  stop() {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  resume() {
    this.isStopped = false;
    if (this.isDirty) this.later(PAUSE_MS);
  }

  // Waits for what is on its way; nothing new begins.
  async settled() {
    this.stop();
    await this.running;
  }

  // Answers whether all is saved. `toSend`: and is still what stands here.
  async save({ toSend = false } = {}) {
    clearTimeout(this.timer);
    if (this.running) {
      await this.running;
      return this.save({ toSend });
    }
    if (!this.isDirty && !toSend) return true;
    this.running = this.isDirty ? this.once() : this.looked();
    try {
      return await this.running;
    } finally {
      this.running = null;
    }
  }

  // The page may be gone before there is an answer: nothing is asked first.
  leave() {
    clearTimeout(this.timer);
    if (!this.isDirty || this.isElsewhere || (this.running && !this.isAsking)) return;
    this.once({ isLeaving: true });
  }

  async looked() {
    try {
      return await this.isOurs();
    } catch (error) {
      if (error.status !== 404) throw error;
      return this.failed(error);
    }
  }

  async once({ isLeaving = false } = {}) {
    this.told("saving");
    const { revision, filesRevision } = this;
    try {
      let answer;
      if (this.id) {
        if (!isLeaving && !(await this.isOurs())) return false;
        const body = this.content();
        if (this.hasNewFiles) body.attachments = await this.files();
        answer = await call("PUT", `${this.address()}/drafts/${this.id}`, body);
      } else {
        // Asked again, after an answer that was lost, it has to be the very same.
        const isAgain = Boolean(this.making);
        this.making ??= { key: token(), body: this.content(), revision, filesRevision };
        if (!isAgain && filesRevision) this.making.body.attachments = await this.files();
        answer = await call("POST", `${this.address()}/drafts`, this.making.body, {
          "Idempotency-Key": this.making.key,
        });
        this.id = answer.data.id;
      }
      this.seen = looks(answer.data);
      [this.saved, this.savedFiles] = this.making
        ? [this.making.revision, this.making.filesRevision] : [revision, filesRevision];
      this.making = null;
      this.failures = 0;
    } catch (error) {
      return this.failed(error);
    }
    this.told(this.isDirty ? "saving" : "saved");
    if (this.isDirty) this.later(PAUSE_MS);
    return !this.isDirty;
  }

  failed(error) {
    if (!(error instanceof Refused)) throw error;
    const isDefinite = error.status >= 400 && error.status < 500 && ![408, 409, 429].includes(error.status);
    // Of a key that is at work for ever, nobody will hear any more.
    if (isDefinite || (error.status === 409 && this.failures > 2)) this.making = null;
    if (error.status === 404 && this.id) {
      this.forget();
      this.told("gone");
      this.later(0);
      return false;
    }
    this.failures += 1;
    this.told("failed", error);
    if (!isDefinite) this.later(Math.min(LONGEST_PAUSE_MS, 5000 * this.failures));
    return false;
  }

  forget() {
    this.id = "";
    this.seen = null;
    this.making = null;
    this.savedFiles = -1;
    this.saved = -1;
    this.filesRevision += 1;
  }

  async isOurs() {
    const { seen } = this;
    this.isAsking = true;
    const there = await get(`${this.address()}/drafts/${this.id}`).finally(() => (this.isAsking = false));
    if (isSame(looks(there), seen)) return true;
    this.stop();
    this.isElsewhere = true;
    this.told("elsewhere", there);
    return false;
  }

  // The author has seen what another client wrote, and keeps what stands here.
  keepOurs(theirs) {
    this.seen = looks(theirs);
    this.isElsewhere = false;
    this.filesRevision += 1;
    this.revision += 1;
    this.isStopped = false;
    return this.save();
  }
}

// What one would see of a draft; providers may write the same in other HTML.
function looks(draft) {
  const people = (list) => (list ?? []).map((each) => each.email.toLowerCase()).sort();
  return {
    head: JSON.stringify([draft.subject ?? "", people(draft.to), people(draft.cc), people(draft.bcc)]),
    files: JSON.stringify((draft.attachments ?? []).map((file) => file.filename).sort()),
    // Where the answer would be too large, the body is left out.
    words: draft.body === undefined || draft.body === null ? null : wordsOf(draft.body),
  };
}

function isSame(one, other) {
  if (!one || !other) return true;
  const words = one.words === null || other.words === null || one.words === other.words;
  return words && one.head === other.head && one.files === other.files;
}
