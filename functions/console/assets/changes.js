// What can be done to conversations, and how it is taken back.

import { call, each, get, page, put, query } from "./api.js";
import { folderWith } from "./folders.js";
import { fieldOf, marked } from "./marks.js";
import { isParked } from "./waiting.js";

export async function messagesOf(grant, thread, select) {
  const found = [];
  let after;
  do {
    const asked = query({ thread_id: thread, limit: 200, select, page_token: after });
    const answer = await page(`/v3/grants/${grant}/messages${asked}`);
    found.push(...answer.data);
    after = answer.next_cursor;
  } while (after);
  return found;
}

const underway = new Map(); // by thread

// Answers {isChanged, undo}: whether there was anything to change, and how it is taken back, if it
// can be. `where` has the mailbox's folders, whether they are labels, and which of them is shown.
// What is asked of one conversation is done in that order: a star that comes and goes is gone.
export function change(kind, thread, where) {
  const before = underway.get(thread.id) ?? Promise.resolve();
  const mine = before.catch(() => {}).then(() => changeNow(kind, thread, where)).finally(() => {
    if (underway.get(thread.id) === mine) underway.delete(thread.id);
  });
  underway.set(thread.id, mine);
  return mine;
}

async function changeNow(kind, thread, where) {
  const { grant } = where;
  const address = `/v3/grants/${grant}/threads/${thread.id}`;
  if (kind === "read" || kind === "unread") {
    await put(address, { unread: kind === "unread" });
    return { isChanged: true };
  }
  if (kind === "unstar") {
    await put(address, { starred: false });
    return { isChanged: true };
  }
  if (kind === "star") {
    // The newest comes first; a conversation of drafts alone has none.
    const newest = thread.newest ?? thread.message_ids[0];
    await put(newest ? `/v3/grants/${grant}/messages/${newest}` : address, { starred: true });
    return { isChanged: true };
  }
  if (kind === "label") return label(await messagesOf(grant, thread.id, "id,folders,categories"), where);
  const messages = await messagesOf(grant, thread.id, "id,folders");
  return kind === "trash" ? trash(thread, messages, where) : move(kind, messages, where);
}

// Drafts cannot be taken out of the trash: they stay where they are, and the messages go. Where there
// is nothing but drafts, and among the drafts, they are what is meant.
async function trash(thread, messages, { grant, folders, folder }) {
  const base = `/v3/grants/${grant}`;
  const bin = folderWith(folders, "trash")?.id;
  const going = messages.filter((message) => !message.folders.includes(bin));
  const drafts = (await page(`${base}/drafts${query({ thread_id: thread.id, select: "id,metadata" })}`)).data;
  const own = drafts.filter((draft) => !isParked(draft));
  if (drafts.length && messages.length && folder.role === "drafts") {
    await all(own, ({ id }) => call("DELETE", `${base}/drafts/${id}`));
    return { isChanged: own.length > 0 };
  }
  if (drafts.length && messages.length) {
    await all(going, ({ id }) => call("DELETE", `${base}/messages/${id}`));
  } else {
    await call("DELETE", `${base}/threads/${thread.id}`);
  }
  const changes = going.map(({ id, folders: before }) => ({ id, before, after: [bin] }));
  return { isChanged: going.length > 0 || !messages.length, undo: going.length ? back(grant, changes) : null };
}

async function move(kind, messages, where) {
  const { grant, folders, target } = where;
  const to = { move: target, restore: folderWith(folders, "inbox").id, archive: folderWith(folders, "archive")?.id }[kind];
  return changed(grant, messages, "folders", (message) => foldersAfter(kind, message, to, where));
}

function label(messages, where) {
  const field = fieldOf(where);
  return changed(where.grant, messages, field, (message) => marked(message, where.marks, where)[field]);
}

async function changed(grant, messages, field, wantedFor) {
  const changes = messages
    .map((message) => ({ id: message.id, before: message[field] ?? [], after: wantedFor(message) }))
    .filter(({ before, after }) => after.length !== before.length || !after.every((id) => before.includes(id)));
  await all(changes, ({ id, after }) => put(`/v3/grants/${grant}/messages/${id}`, { [field]: after }));
  return { isChanged: changes.length > 0, undo: changes.length ? back(grant, changes, field) : null };
}

// From the folder that is shown; where none is shown (a search, all mail, what is starred), from where
// the message is, if that is a place for mail that is read.
function foldersAfter(kind, message, to, { folders, labels, folder }) {
  const ids = (...roles) => roles.map((role) => folderWith(folders, role)?.id).filter(Boolean);
  const isIn = (places) => message.folders.some((id) => places.includes(id));
  let leaving = [folder.id];
  if (kind === "restore") {
    leaving = ids("trash", "spam");
  } else if (!folder.asked.in) {
    const apart = ids("sent", "drafts", "trash", ...(kind === "archive" ? ["spam"] : []));
    if (isIn(apart) && !(labels && isIn(ids("inbox")))) return message.folders;
    leaving = labels ? ids("inbox", "spam") : message.folders;
  }
  if (folder.asked.in || kind === "restore") {
    if (!isIn(leaving)) return message.folders;
  }
  const kept = labels ? message.folders.filter((id) => !leaving.includes(id) && id !== to) : [];
  return to ? [...kept, to] : kept;
}

// How messages come back: what was added goes, what was taken comes, and what was done to them
// meanwhile stays. One that was moved on since is left where it is.
function back(grant, changes, field = "folders") {
  return () => all(changes, async ({ id, before, after }) => {
    const address = `/v3/grants/${grant}/messages/${id}`;
    const now = (await get(`${address}?select=id,${field}`))[field] ?? [];
    const added = after.filter((each) => !before.includes(each));
    if (!added.every((each) => now.includes(each))) return;
    const missing = before.filter((each) => !after.includes(each) && !now.includes(each));
    await put(address, { [field]: [...now.filter((each) => !added.includes(each)), ...missing] });
  });
}

// Raises what went wrong first, after all of them have been tried.
async function all(items, act) {
  const failures = await each(items, act);
  if (failures.length) throw failures[0][1];
}
