/** Messages: listed with every filter, read in every form, changed, and thrown away. */
import assert from 'node:assert/strict';
import { MessageFields } from 'nylas';
import { conforms, messagesAtProvider, nylas, refusal, waitFor, world } from './judge.js';

// Given five mails: "Letter 1" to "Letter 4" of different people, and a newsletter, the newest,
// with an inline picture and a file, unread
const { address, grant: identifier } = world;
const { messages } = nylas;
const all = await waitFor(async () => {
  const { data } = await messages.list({ identifier });
  return data.length === 5 ? data : undefined;
});
all.forEach((each) => conforms('Message', each));
const [newsletter] = all;
assert(newsletter);
assert.equal(newsletter.subject, 'Pão quente às sete');

// ── Read ──────────────────────────────────────────────────────────────────────────────────────

const read = await messages.find({ identifier, messageId: newsletter.id });
conforms('Message', read.data);
assert(read.requestId);
assert.deepEqual(read.data.from, [{ email: 'ola@padaria.example', name: 'Padaria São João' }]);
assert.deepEqual(read.data.to.map((each) => each.email), [address]);
assert.deepEqual(read.data.cc?.map((each) => each.email), ['ana@elsewhere.example']);
assert.match(read.data.body ?? '', /<b>pão<\/b>/);
assert.match(read.data.snippet ?? '', /^O pão sai/);
assert.deepEqual(
  read.data.attachments?.map((each) => [each.filename, each.contentType, each.isInline]).sort(),
  [
    ['forno.png', 'image/png', true],
    ['preços.pdf', 'application/pdf', false],
  ],
);

/** @param {MessageFields} fields */
async function withFields(fields) {
  const queryParams = { fields };
  const { data } = await messages.find({ identifier, messageId: newsletter.id, queryParams });
  return data;
}

const headers = (await withFields(MessageFields.INCLUDE_HEADERS)).headers ?? [];
assert(headers.some((each) => each.name === 'Message-ID' && each.value === '<pao@padaria.example>'));
assert(headers.some((each) => each.name === 'Subject'));
const basic = (await withFields(MessageFields.INCLUDE_BASIC_HEADERS)).headers ?? [];
assert.deepEqual(basic.map((each) => each.name), ['Message-ID']);
const tracked = await withFields(MessageFields.INCLUDE_TRACKING_OPTIONS);
conforms('MessageTrackingOptions', tracked.trackingOptions);
assert(!('trackingOptions' in (await withFields(MessageFields.STANDARD))));
const { rawMime, ...beside } = await withFields(MessageFields.RAW_MIME);
const mime = Buffer.from(rawMime ?? '', 'base64url').toString();
assert.match(mime, /^Message-ID: <pao@padaria\.example>\r?$/m);
assert.deepEqual(Object.keys(beside).sort(), ['grantId', 'id', 'object']);

// ── Listed ────────────────────────────────────────────────────────────────────────────────────

/**
 * @param {import('nylas').ListMessagesQueryParams & { metadataPair?: Record<string, string> }} queryParams
 */
async function subjects(queryParams) {
  const { data } = await messages.list({ identifier, queryParams });
  return data.map((each) => each.subject);
}

const letters = ['Letter 4', 'Letter 3', 'Letter 2', 'Letter 1'];
const everything = [newsletter.subject, ...letters];
const { date, folders, threadId } = newsletter;
for (const [queryParams, expected] of /** @type {const} */ ([
  [{ subject: 'quente' }, [newsletter.subject]],
  [{ from: ['ola@padaria.example'] }, [newsletter.subject]],
  [{ from: ['person2@elsewhere.example', 'person3@elsewhere.example'] }, ['Letter 3', 'Letter 2']],
  [{ to: [address] }, everything],
  [{ cc: ['ana@elsewhere.example'] }, [newsletter.subject]],
  [{ bcc: ['ana@elsewhere.example'] }, []],
  // This list, and no other, is joined by commas on its way
  [{ anyEmail: ['person1@elsewhere.example', 'ana@elsewhere.example'] }, [newsletter.subject, 'Letter 1']],
  [{ in: folders }, everything],
  [{ unread: true }, everything],
  [{ unread: false }, []],
  [{ starred: true }, []],
  [{ starred: false, hasAttachment: true }, [newsletter.subject]],
  [{ hasAttachment: false }, letters],
  [{ threadId }, [newsletter.subject]],
  [{ receivedBefore: date + 1, receivedAfter: date - 1, limit: 1 }, [newsletter.subject]],
  [{ receivedBefore: 1_000_000_000 }, []],
  [{ limit: 2 }, everything.slice(0, 2)],
  [{ searchQueryNative: 'subject:quente' }, [newsletter.subject]],
  [{ searchQueryNative: 'from:person2@elsewhere.example', limit: 5 }, ['Letter 2']],
  // What the SDK writes for nothing asks for nothing
  [{ pageToken: undefined, subject: undefined }, everything],
])) {
  const query = /** @type {import('nylas').ListMessagesQueryParams} */ (queryParams);
  assert.deepEqual(await subjects(query), expected, JSON.stringify(queryParams));
}

// Page by page, and with the SDK's own collecting, which asks for ever fewer
const paged = [];
for await (const page of messages.list({ identifier, queryParams: { limit: 2 } })) {
  assert(page.data.length <= 2);
  paged.push(...page.data.map((each) => each.id));
}
assert.deepEqual(paged, all.map((each) => each.id));
const first = messages.list({ identifier, queryParams: { limit: 3 } });
assert.equal((await first).data.length, 3);
const next = await (await first).next();
assert.deepEqual(
  next.value?.data.map((/** @type {import('nylas').Message} */ each) => each.subject),
  ['Letter 2', 'Letter 1'],
);
const narrow = await messages.list({ identifier, queryParams: { select: 'id,subject' } });
assert.deepEqual(Object.keys(narrow.data[0] ?? {}).sort(), ['grantId', 'id', 'object', 'subject']);

const wrong = await refusal(messages.list({ identifier, queryParams: { pageToken: 'invented' } }));
assert.deepEqual([wrong.statusCode, wrong.type], [400, 'invalid_request_error']);
const unknown = await refusal(messages.list({ identifier, queryParams: { in: ['nowhere'] } }));
assert.equal(unknown.statusCode, 400);

// ── Changed ───────────────────────────────────────────────────────────────────────────────────

const messageId = newsletter.id;
const changed = await messages.update({
  identifier,
  messageId,
  requestBody: { unread: false, starred: true },
});
conforms('Message', changed.data);
assert.deepEqual([changed.data.unread, changed.data.starred], [false, true]);
const there = (await messagesAtProvider()).find((each) => each.subject === newsletter.subject);
assert.deepEqual([there.unread, there.starred], [false, true]);
assert.deepEqual(await subjects({ starred: true }), [newsletter.subject]);

// The SDK sends keys of metadata as they are, and hands those of an answer on in camel case
const metadata = { key1: 'bread', their_key: 'seven' };
const tagged = await messages.update({ identifier, messageId, requestBody: { metadata } });
conforms('Message', tagged.data);
assert.deepEqual(tagged.data.metadata, { key1: 'bread', theirKey: 'seven' });
const plain = await fetch(`${world.apiUri}/v3/grants/${identifier}/messages/${messageId}`, {
  headers: { authorization: `Bearer ${world.apiKey}` },
});
assert.deepEqual(/** @type {any} */ (await plain.json()).data.metadata, metadata);
// It sends this parameter, too, though its types do not have it
assert.deepEqual(await subjects({ metadataPair: { key1: 'bread' } }), [newsletter.subject]);
assert.deepEqual(await subjects({ metadataPair: { key1: 'cake' } }), []);

const { data: folder } = await nylas.folders.create({ identifier, requestBody: { name: 'Bread' } });
const moved = await messages.update({
  identifier,
  messageId,
  requestBody: { folders: [folder.id] },
});
assert(moved.data.folders.includes(folder.id));
assert.deepEqual(await subjects({ in: [folder.id] }), [newsletter.subject]);

assert((await messages.destroy({ identifier, messageId })).requestId);
const trash = (await nylas.folders.list({ identifier })).data.find((each) =>
  each.attributes?.includes('\\Trash'),
);
assert(trash);
assert.deepEqual(await subjects({ in: [trash.id] }), [newsletter.subject]);
const invented = await refusal(messages.find({ identifier, messageId: 'AAMk/+=id' }));
assert.deepEqual([invented.statusCode, invented.type], [404, 'not_found_error']);
