/** Threads: listed with every filter, read, changed and thrown away as a whole. */
import assert from 'node:assert/strict';
import { conforms, messagesAtProvider, nylas, refusal, waitFor, world } from './judge.js';

// Given a conversation of two mails, "Trip" and "Re: Trip", with a file in the first, and after
// them a letter by itself, all of them unread
const { address, grant: identifier } = world;
const { threads } = nylas;
// (a thread is written a moment after its messages)
const listed = await waitFor(async () => {
  const found = await threads.list({ identifier });
  return found.data.flatMap((each) => each.messageIds).length === 3 ? found : undefined;
});
listed.data.forEach((each) => conforms('Thread', each));
assert.deepEqual(
  listed.data.map((each) => [each.subject, each.messageIds.length]),
  [
    ['Letter 1', 1],
    ['Trip', 2],
  ],
);
const [letter, trip] = listed.data;
assert(letter && trip);

// ── Read ──────────────────────────────────────────────────────────────────────────────────────

const threadId = trip.id;
const found = await threads.find({ identifier, threadId });
conforms('Thread', found.data);
assert(found.requestId);
assert.deepEqual(
  found.data.participants.map((each) => each.email).sort(),
  [address, 'person1@elsewhere.example', 'person2@elsewhere.example'].sort(),
);
assert.deepEqual(
  [found.data.unread, found.data.starred, found.data.hasAttachments, found.data.hasDrafts],
  [true, false, true, false],
);
assert.deepEqual(found.data.draftIds, []);
const [newest, oldest] = (
  await nylas.messages.list({ identifier, queryParams: { threadId } })
).data;
assert(newest && oldest);
assert.deepEqual([...found.data.messageIds].sort(), [newest.id, oldest.id].sort());
assert.equal(found.data.earliestMessageDate, oldest.date);
assert.equal(found.data.latestMessageReceivedDate, newest.date);
assert.equal(found.data.latestDraftOrMessage.object, 'message');
assert.equal(found.data.latestDraftOrMessage.id, newest.id);
const part = await threads.find({ identifier, threadId, queryParams: { select: 'id,subject' } });
assert.equal(part.data.subject, found.data.subject);
assert(!('snippet' in part.data));

// ── Listed ────────────────────────────────────────────────────────────────────────────────────

/** @param {import('nylas').ListThreadsQueryParams} queryParams */
async function ids(queryParams) {
  const { data } = await threads.list({ identifier, queryParams });
  return data.map((each) => each.id);
}

const both = [letter.id, trip.id];
for (const [queryParams, expected] of /** @type {[import('nylas').ListThreadsQueryParams, string[]][]} */ ([
  [{ subject: 'Trip' }, [trip.id]],
  [{ anyEmail: ['person2@elsewhere.example', 'nobody@elsewhere.example'] }, [trip.id]],
  [{ from: ['person2@elsewhere.example'] }, [trip.id]],
  [{ to: [address] }, both],
  [{ cc: ['ana@elsewhere.example'] }, []],
  [{ bcc: ['ana@elsewhere.example'] }, []],
  [{ in: letter.folders }, both],
  [{ unread: true }, both],
  [{ unread: false }, []],
  [{ starred: true }, []],
  [{ hasAttachment: true }, [trip.id]],
  [{ latestMessageBefore: newest.date + 1 }, [trip.id]],
  [{ latestMessageAfter: newest.date }, [letter.id]],
  [{ limit: 1 }, [letter.id]],
])) {
  assert.deepEqual(await ids(queryParams), expected, JSON.stringify(queryParams));
}
const paged = [];
for await (const page of threads.list({ identifier, queryParams: { limit: 1 } })) {
  assert(page.data.length <= 1);
  paged.push(...page.data.map((each) => each.id));
}
assert.deepEqual(paged, both);

// ── An answer belongs to it at once ───────────────────────────────────────────────────────────

const answer = await nylas.messages.send({
  identifier,
  requestBody: {
    to: [{ email: `reader-of-${address}` }],
    subject: 'Re: Trip',
    body: 'Yes!',
    replyToMessageId: newest.id,
  },
});
const grown = (await threads.find({ identifier, threadId })).data;
assert.equal(grown.messageIds.length, 3);
assert.equal(grown.latestDraftOrMessage.id, answer.data.id);
assert.equal(grown.latestMessageSentDate, answer.data.date);
assert.deepEqual(await ids({}), [trip.id, letter.id]);

// ── Changed, as a whole ───────────────────────────────────────────────────────────────────────

const changed = await threads.update({
  identifier,
  threadId,
  requestBody: { unread: false, starred: true },
});
conforms('Thread', changed.data);
assert.deepEqual([changed.data.unread, changed.data.starred], [false, true]);
const there = (await messagesAtProvider()).filter((each) => each.subject.endsWith('Trip'));
assert.equal(there.length, 3);
for (const each of there) assert.deepEqual([each.unread, each.starred], [false, true]);
assert.deepEqual(await ids({ starred: true }), [trip.id]);

const { data: folder } = await nylas.folders.create({ identifier, requestBody: { name: 'Trips' } });
await threads.update({ identifier, threadId, requestBody: { folders: [folder.id] } });
assert.deepEqual(await ids({ in: [folder.id] }), [trip.id]);
for (const each of (await nylas.messages.list({ identifier, queryParams: { threadId } })).data) {
  assert(each.folders.includes(folder.id), each.subject);
}

assert((await threads.destroy({ identifier, threadId })).requestId);
const trash = (await nylas.folders.list({ identifier })).data.find((each) =>
  each.attributes?.includes('\\Trash'),
);
assert(trash);
assert.deepEqual(await ids({ in: [trash.id] }), [trip.id]);
assert.deepEqual(await ids({ in: letter.folders }), [letter.id]);
const gone = await refusal(threads.find({ identifier, threadId: 'none' }));
assert.deepEqual([gone.statusCode, gone.type], [404, 'not_found_error']);
const unknown = await refusal(threads.list({ identifier, queryParams: { in: ['nowhere'] } }));
assert.equal(unknown.statusCode, 400);
