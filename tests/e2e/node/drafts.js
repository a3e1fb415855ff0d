/** Drafts: written, found, rewritten, sent, and thrown away. */
import assert from 'node:assert/strict';
import { conforms, messagesAtProvider, nylas, refusal, waitFor, world } from './judge.js';

// Given a mailbox with a letter, and a person who will be written to
const { address, grant: identifier } = world;
const reader = `reader-of-${address}`;
const to = [{ email: reader, name: 'Béla Réti' }];
const { drafts } = nylas;
const letter = await waitFor(async () => (await nylas.messages.list({ identifier })).data[0]);

/** @param {{ attachments?: import('nylas').Attachment[] }} draft */
function files(draft) {
  return draft.attachments?.map((each) => [each.filename, each.size]).sort();
}

/** @param {string} subject */
function draftAtProvider(subject) {
  return waitFor(async () =>
    (await messagesAtProvider()).find((each) => each.draft && each.subject === subject),
  );
}

// ── Written ───────────────────────────────────────────────────────────────────────────────────

const made = await drafts.create({
  identifier,
  requestBody: {
    to,
    cc: [{ email: 'cc@elsewhere.example' }],
    bcc: [{ email: 'bcc@elsewhere.example' }],
    replyTo: [{ email: 'elsewhere@elsewhere.example' }],
    subject: 'Re: Letter 1',
    body: '<p>Às <b>sete</b>?</p>',
    replyToMessageId: letter.id,
    starred: true,
    attachments: [{ filename: 'a.txt', contentType: 'text/plain', content: Buffer.from('abc') }],
  },
});
conforms('Draft', made.data);
assert(made.requestId);
assert.equal(made.data.object, 'draft');
assert.equal(made.data.threadId, letter.threadId);
assert.deepEqual(made.data.to, to);
assert.deepEqual(made.data.bcc?.map((each) => each.email), ['bcc@elsewhere.example']);
assert.equal(made.data.starred, true);
assert.deepEqual(files(made.data), [['a.txt', 3]]);
await draftAtProvider('Re: Letter 1');

const draftId = made.data.id;
const found = await drafts.find({ identifier, draftId });
conforms('Draft', found.data);
assert.equal(found.data.subject, 'Re: Letter 1');
assert.match(found.data.body ?? '', /<b>sete<\/b>/);

// ── Rewritten: what is left out stays ─────────────────────────────────────────────────────────

const changed = await drafts.update({
  identifier,
  draftId,
  requestBody: { body: '<p>Às <b>oito</b>?</p>', cc: [] },
});
conforms('Draft', changed.data);
assert.equal(changed.data.id, draftId);
assert.equal(changed.data.subject, 'Re: Letter 1');
assert.deepEqual(changed.data.to, to);
assert.deepEqual(changed.data.cc, []);
assert.deepEqual(files(changed.data), [['a.txt', 3]]);
assert.match(changed.data.body ?? '', /<b>oito<\/b>/);

// From three mebibytes on as a form, with either method
const size = 3 * 1024 * 1024;
const large = {
  filename: 'grande.bin',
  contentType: 'application/octet-stream',
  content: Buffer.alloc(size, 'x'),
  size,
};
const rewritten = await drafts.update({
  identifier,
  draftId,
  requestBody: { attachments: [large] },
});
conforms('Draft', rewritten.data);
assert.deepEqual(files(rewritten.data), [['grande.bin', size]]);
assert.match(rewritten.data.body ?? '', /<b>oito<\/b>/);
const second = await drafts.create({
  identifier,
  requestBody: { to, subject: 'With a large file', body: 'See it.', attachments: [large] },
});
conforms('Draft', second.data);
assert.deepEqual(files(second.data), [['grande.bin', size]]);
const renamed = await drafts.update({
  identifier,
  draftId: second.data.id,
  requestBody: { subject: 'With a large file!' },
});
assert.equal(renamed.data.subject, 'With a large file!');
assert.deepEqual(files(renamed.data), [['grande.bin', size]]);
await draftAtProvider('With a large file!');

// ── Listed ────────────────────────────────────────────────────────────────────────────────────

/** @param {import('nylas').ListDraftsQueryParams} queryParams */
async function ids(queryParams) {
  const { data } = await drafts.list({ identifier, queryParams });
  data.forEach((each) => conforms('Draft', each));
  return data.map((each) => each.id).sort();
}

const both = [draftId, second.data.id].sort();
for (const [queryParams, expected] of /** @type {[import('nylas').ListDraftsQueryParams, string[]][]} */ ([
  [{}, both],
  [{ subject: 'large' }, [second.data.id]],
  [{ anyEmail: [reader, 'nobody@elsewhere.example'] }, both],
  [{ to: [reader] }, both],
  [{ cc: ['cc@elsewhere.example'] }, []],
  [{ bcc: ['bcc@elsewhere.example'] }, [draftId]],
  [{ starred: true }, [draftId]],
  [{ unread: true }, []],
  [{ threadId: letter.threadId }, [draftId]],
  [{ hasAttachment: true, limit: 2 }, both],
])) {
  assert.deepEqual(await ids(queryParams), expected, JSON.stringify(queryParams));
}
const paged = [];
for await (const page of drafts.list({ identifier, queryParams: { limit: 1 } })) {
  assert(page.data.length <= 1);
  paged.push(...page.data.map((each) => each.id));
}
assert.deepEqual(paged.sort(), both);
const thread = await nylas.threads.find({ identifier, threadId: letter.threadId ?? '' });
conforms('Thread', thread.data);
assert.equal(thread.data.hasDrafts, true);
assert.deepEqual(thread.data.draftIds, [draftId]);
assert.equal(thread.data.latestDraftOrMessage.object, 'draft');

// ── Sent, once ────────────────────────────────────────────────────────────────────────────────

const sent = await drafts.send({ identifier, draftId });
conforms('Message', sent.data);
assert.equal(sent.data.object, 'message');
assert.equal(sent.data.subject, 'Re: Letter 1');
assert.equal(sent.data.threadId, letter.threadId);
const arrived = await waitFor(async () => {
  const there = await messagesAtProvider(reader);
  return there.length ? there : undefined;
});
assert.deepEqual(
  arrived.map((each) => [each.subject, each.attachments.length]),
  [['Re: Letter 1', 1]],
);
assert.deepEqual(await ids({}), [second.data.id]);

assert((await drafts.destroy({ identifier, draftId: second.data.id })).requestId);
assert.deepEqual(await ids({}), []);
const gone = await refusal(drafts.find({ identifier, draftId: second.data.id }));
assert.deepEqual([gone.statusCode, gone.type], [404, 'not_found_error']);
const none = await refusal(drafts.send({ identifier, draftId: 'none' }));
assert.equal(none.statusCode, 404);
