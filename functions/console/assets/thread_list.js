// The conversations of a folder, or those that a search has found: loaded page by page, and looked at
// again as long as they are shown.
//
//     look ──► the first page: what is new comes on top, what was loaded below stays
//       └─ each minute, or when nothing on that page is known ──► all pages: what is gone goes

import { page, query } from "./api.js";
import { merged, readOn } from "./pages.js";

const PAGE = 30;
const ALL_PAGES_MS = 60_000;
export const OF_THREADS =
  "id,subject,snippet,participants,folders,categories,message_ids,draft_ids,unread,starred,has_attachments," +
  "has_drafts,latest_message_received_date,latest_message_sent_date,earliest_message_date";
const OF_MESSAGES = "id,thread_id,subject,from,to,date,unread,starred,snippet,folders,categories,attachments";

export class ThreadList {
  // `changed` hears that there is something else to show.
  constructor(changed) {
    this.changed = changed;
    this.threads = [];
    this.cursor = null;
    this.isLoading = false;
    this.hasFailed = false; // nobody knows what is in it
    this.number = 0; // how many lists have been shown
    this.revision = 0;
    this.underway = new Set(); // changes that may not have been made yet
    this.allSeenAt = 0;
    this.asks = 0;
    this.answered = 0; // the newest ask of which the answer is shown
  }

  find(id) {
    return this.threads.find((thread) => thread.id === id);
  }

  clear() {
    this.cursor = null;
    this.set([]);
  }

  set(threads) {
    this.threads = threads;
    this.changedByHand();
  }

  // What is done to them shows before it is answered: pages that are on their way, when it begins or
  // ends, may or may not know of it. `change` makes of threads what they are after it.
  begin(change) {
    this.underway.add(change);
    this.set(change(this.threads));
  }

  end(change) {
    this.underway.delete(change);
    this.changedByHand();
  }

  changedByHand() {
    this.revision += 1;
  }

  patch(id, changes) {
    this.set(this.threads.map((thread) => (thread.id === id ? { ...thread, ...changes } : thread)));
  }

  drop(ids) {
    this.set(this.threads.filter((thread) => !ids.has(thread.id)));
  }

  // What was to be done to some could not be: each is as it was `before`, below what stood above it.
  putBack(ids, before) {
    const place = (id, found) => found.findIndex((thread) => thread.id === id);
    const back = before.filter(({ id }) => ids.has(id)).reduce((found, thread) => {
      const at = place(thread.id, found);
      if (at >= 0) return found.with(at, thread);
      const above = before.slice(0, before.indexOf(thread)).findLast(({ id }) => place(id, found) >= 0);
      return found.toSpliced(above ? place(above.id, found) + 1 : 0, 0, thread);
    }, this.threads);
    this.set(this.afterChanges(back));
  }

  // Another list, {grant, folder, asked}: the folder's, or what the search `asked` finds.
  async load(what) {
    Object.assign(this, what);
    this.number += 1;
    const { number } = this;
    this.isLoading = true;
    this.hasFailed = false;
    this.clear();
    this.changed();
    const mine = this.ask();
    try {
      const found = await this.fetchPage();
      if (!this.isLate(mine)) this.show(mine, found);
      // Nobody else would ask again in a search.
      else while (number === this.number && !(await this.look()));
      if (number !== this.number) return;
      this.allSeenAt = Date.now();
    } catch (error) {
      if (number === this.number && this.answered < mine.place) this.hasFailed = true;
      throw error;
    } finally {
      if (number === this.number) this.isLoading = false;
      this.changed();
    }
  }

  async more() {
    const { number, revision, cursor } = this;
    const [found, next] = await this.fetchPage(cursor);
    if (number !== this.number) return undefined;
    // It has other threads, or ends elsewhere, by now.
    if (revision !== this.revision || cursor !== this.cursor) return this.cursor && this.more();
    this.threads = [...this.threads, ...found.filter((thread) => !this.find(thread.id))];
    this.cursor = next;
    return this.changed();
  }

  // Answers whether it shows what is there now.
  async look() {
    const { cursor } = this;
    const mine = this.ask();
    const wanted = this.threads.length;
    const [found, next] = await this.fetchPage();
    if (this.isLate(mine)) return false;
    const isDue = wanted > PAGE && Date.now() - this.allSeenAt > ALL_PAGES_MS;
    let now = isDue ? null : merged(found, next, this.threads, this.cursor);
    if (!now) {
      const [all, end] = await readOn(found, next, wanted, (after, limit) => this.fetchPage(after, limit));
      if (this.isLate(mine)) return false;
      this.allSeenAt = Date.now();
      // Below the last of them stands what has moved down, or was loaded meanwhile.
      const goesOn = cursor !== this.cursor || (all.length > 0 && this.find(all.at(-1).id));
      now = (goesOn && merged(all, end, this.threads, this.cursor)) || [all, end];
    }
    this.show(mine, now);
    this.changed();
    return true;
  }

  ask() {
    this.asks += 1;
    return { place: this.asks, revision: this.revision };
  }

  // Whether something was done, or a newer answer is shown, since that was asked.
  isLate({ place, revision }) {
    return revision !== this.revision || place < this.answered;
  }

  show({ place }, [threads, cursor]) {
    Object.assign(this, { threads, cursor, answered: place, hasFailed: false });
  }

  // As they are after all that is underway.
  afterChanges(threads) {
    return [...this.underway].reduce((found, change) => change(found), threads);
  }

  // Answers [threads, cursor].
  async fetchPage(after, limit = PAGE) {
    const [found, next] = await this.askForPage(after, limit);
    return [this.afterChanges(found), next];
  }

  async askForPage(after, limit) {
    if (this.folder.role === "scheduled") return [[], null];
    const base = `/v3/grants/${this.grant}`;
    if (this.asked) {
      const found = await page(`${base}/messages${query({
        search_query_native: this.asked, limit: 50, select: OF_MESSAGES, page_token: after,
      })}`);
      return [byThread(found.data), found.next_cursor ?? null];
    }
    const found = await page(`${base}/threads${query({
      ...this.folder.asked, limit, select: OF_THREADS, page_token: after,
    })}`);
    return [found.data, found.next_cursor ?? null];
  }
}

function byThread(messages) {
  const found = new Map();
  for (const message of messages) {
    if (found.has(message.thread_id)) continue;
    found.set(message.thread_id, {
      ...message,
      id: message.thread_id,
      newest: message.id,
      message_ids: [message.id],
      draft_ids: [],
      participants: message.from,
      has_attachments: message.attachments.some((file) => !file.is_inline || !/^image\//i.test(file.content_type)),
      latest_message_received_date: message.date,
    });
  }
  return [...found.values()];
}
