// Sends that have been asked for and have not left: for an undo window, a large file, or until a time.
//
// Until it has left, a message is kept as a draft, with the id of its send in the draft's metadata:
// so it is not lost with the page, and whoever calls the send back has it again, in any browser. The
// draft of one that leaves later names nobody to send it to, so that no other mail program can send
// it, too.
//
//     sent: the draft is deleted     failed, called back: it is a draft like any other again

import { call, each, get, page, put, query, remove } from "./api.js";
import { toast } from "./dom.js";
import { longTime, t } from "./i18n.js";
import { parsed, written } from "./letters.js";
import { reasonOf } from "./sentences.js";

const MARK = "postroom-waiting";
const LOOK_MS = 1500;
const TEXT_LIMIT = 500;
const WAITS = ["pending", "sending", "unknown"];
const PEOPLE = ["to", "cc", "bcc"];
const followed = new Set();
const leaving = new Set(); // those that are called back right now

// What the draft of a waiting send is like. People that do not fit into metadata stay in the draft.
export function parkedDraft(people, { schedule, isLater }, metadata) {
  const texts = PEOPLE.map((name) => [name, written(people[name])]);
  const isHidden = isLater && texts.every(([, text]) => text.length <= TEXT_LIMIT);
  return {
    ...Object.fromEntries(PEOPLE.map((name) => [name, isHidden ? [] : people[name]])),
    metadata: { ...metadata, key5: MARK, schedule, ...(isHidden ? Object.fromEntries(texts) : {}) },
  };
}

function released({ metadata }) {
  const { key5, schedule, to, cc, bcc, ...rest } = metadata;
  const hidden = to === undefined ? {} : { to: parsed(to), cc: parsed(cc), bcc: parsed(bcc) };
  return { ...hidden, metadata: rest };
}

export function isParked(draft) {
  return draft.metadata?.key5 === MARK;
}

async function deleted(address) {
  try {
    await remove(address);
  } catch (error) {
    if (error.status !== 404) throw error;
  }
}

// One of which nobody could say for a day whether it left waits no longer.
function isWaiting({ status, close_time: closedAt }) {
  return WAITS.includes(status.code) && !closedAt;
}

function isUnsure(status) {
  return status.code === "failed" || status.code === "unknown";
}

async function settledDraft(base, draft, status) {
  if (status.code === "success") return deleted(`${base}/drafts/${draft.id}`);
  await put(`${base}/drafts/${draft.id}`, released(draft));
  return undefined;
}

function isInHand(id) {
  return followed.has(id) || leaving.has(id);
}

// Ends what has ended, and answers what waits for its time: {id, at, draft}, the next one first.
export async function waitingSends(grant, tools) {
  const base = `/v3/grants/${grant}`;
  const [schedules, drafts] = await Promise.all([
    get(`${base}/messages/schedules`),
    page(`${base}/drafts${query({
      metadata_pair: `key5:${MARK}`, limit: 100, select: "id,subject,to,snippet,metadata,thread_id",
    })}`).then((answer) => answer.data),
  ]);
  const known = new Map(schedules.map((schedule) => [schedule.schedule_id, schedule]));
  const draftOf = new Map();
  await each(drafts.filter((draft) => !isInHand(draft.metadata.schedule)), async (draft) => {
    const { schedule: id } = draft.metadata;
    const schedule = known.get(id) ?? (await ended(base, id));
    if (isWaiting(schedule)) {
      draftOf.set(id, draft);
      return;
    }
    await settledDraft(base, draft, schedule.status);
    if (isUnsure(schedule.status)) tell(draft, schedule.status, tools);
    tools.changed();
  });
  return schedules
    .filter((schedule) => isWaiting(schedule) && schedule.send_at && !isInHand(schedule.schedule_id))
    .map((schedule) => ({ id: schedule.schedule_id, at: schedule.send_at, draft: draftOf.get(schedule.schedule_id) }))
    .sort((one, other) => one.at - other.at);
}

async function ended(base, id) {
  try {
    return await get(`${base}/messages/schedules/${id}`);
  } catch (error) {
    if (error.status !== 404) throw error;
    return { status: { code: "cancelled", description: "" } };
  }
}

function tell(draft, status, tools) {
  toast(unsent(draft.subject, status), {
    kind: "error", stays: true, action: t("waiting.open"), onaction: () => tools.edit(draft.id),
  });
}

function unsent(subject, status) {
  const key = status.code === "failed" ? "waiting.failed" : "waiting.in_doubt";
  return t(key, { subject: subject || t("mail.no_subject"), reason: reasonOf(status) });
}

// Calls a send back. Answers the id of its draft, or nothing where there is none. `draftId` may be
// promised: while a draft is still being saved, the send must not leave.
export async function calledBack(grant, id, draftId) {
  const base = `/v3/grants/${grant}`;
  leaving.add(id);
  try {
    await remove(`${base}/messages/schedules/${id}`);
    const kept = await draftId;
    if (!kept) return "";
    const draft = await get(`${base}/drafts/${kept}`);
    if (isParked(draft)) await put(`${base}/drafts/${kept}`, released(draft));
    return kept;
  } finally {
    leaving.delete(id);
  }
}

// Follows a send that has just been asked for. `parked` promises the id of its draft.
export async function follow({ grant, id, at, isLater, subject, parked }, tools) {
  const base = `/v3/grants/${grant}`;
  const canUndo = Boolean(at);
  let undoing = Promise.resolve(true); // whether it goes on by itself
  const isOpen = () => undoing;
  const undo = async () => {
    let isStill = false;
    try {
      const draft = await calledBack(grant, id, parked);
      toast(t("waiting.called_back"));
      if (draft) await tools.edit(draft);
    } catch (error) {
      isStill = true;
      if (error.status === 409) toast(t("waiting.too_late"), { kind: "error" });
      else tools.explain(error);
    }
    tools.changed();
    return isStill;
  };
  const shown = toast(isLater ? t("waiting.scheduled", { time: longTime(at) }) : t("waiting.sending"), {
    stays: !isLater,
    action: canUndo ? t("mail.undo") : "",
    onaction: () => (undoing = undo()),
  });
  if (isLater) {
    await parked;
    tools.changed();
    return;
  }
  followed.add(id);
  try {
    const status = await outcome(`${base}/messages/schedules/${id}`, isOpen);
    if (!(await isOpen())) return;
    shown.remove();
    const draftId = await parked;
    const draft = draftId ? await get(`${base}/drafts/${draftId}`).catch(() => null) : null;
    if (draft) await settledDraft(base, draft, status);
    if (status.code === "success") toast(t("compose.sent"));
    else if (isUnsure(status)) {
      toast(unsent(subject, status), { kind: "error", stays: true });
      if (draft) await tools.edit(draftId);
    }
  } catch (error) {
    if (!(await isOpen())) return;
    shown.remove();
    tools.explain(error);
  } finally {
    followed.delete(id);
    tools.changed();
  }
}

async function outcome(address, isOpen) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    if (!(await isOpen())) return { code: "cancelled" };
    const schedule = await get(address).catch((error) => {
      if (error.status === 404) throw error;
      return { status: { code: "pending" } };
    });
    if (!isWaiting(schedule)) return schedule.status;
  }
}
