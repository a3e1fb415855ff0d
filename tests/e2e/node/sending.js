/** Sending: as JSON, as a form of parts, with everything that the SDK can say. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { MessageFields } from 'nylas';
import { conforms, messagesAtProvider, nylas, refusal, waitFor, world } from './judge.js';

// Given a mailbox with a letter, and a person who is written to
const { address, grant: identifier } = world;
const reader = `reader-of-${address}`;
const to = [{ email: reader, name: 'Béla Réti' }];
const { messages } = nylas;
const letter = await waitFor(async () => (await messages.list({ identifier })).data[0]);

/**
 * Return the one message with a subject, once the reader has it.
 *
 * @param {string} subject
 */
function arrived(subject) {
  return waitFor(async () =>
    (await messagesAtProvider(reader)).find((each) => each.subject === subject),
  );
}

/** @param {any} message @returns {[string, number][]} */
function files(message) {
  return message.attachments.map((/** @type {any} */ each) => [each.filename, each.size]).sort();
}

/**
 * Return the message of an answer. A send that takes 20 seconds is answered with its schedule:
 * then it is the message that has left when the schedule says so.
 *
 * @param {import('nylas').NylasResponse<import('nylas').Message>} answer
 * @returns {Promise<import('nylas').Message>}
 */
async function left(answer) {
  const { scheduleId, subject } = answer.data;
  if (!scheduleId) return answer.data;
  await waitFor(async () => {
    const schedule = await messages.findScheduledMessage({ identifier, scheduleId });
    return schedule.data.status.code === 'success';
  });
  const found = await messages.list({
    identifier,
    queryParams: { subject, fields: MessageFields.INCLUDE_HEADERS, limit: 1 },
  });
  assert(found.data[0]);
  return found.data[0];
}

// ── As JSON ───────────────────────────────────────────────────────────────────────────────────

const sent = await messages.send({
  identifier,
  requestBody: {
    to,
    from: [{ email: address, name: 'Rosa' }],
    cc: [{ email: `cc-${reader}` }],
    bcc: [{ email: `bcc-${reader}` }],
    replyTo: [{ email: 'elsewhere@elsewhere.example' }],
    subject: 'Re: Letter 1',
    body: '<p>Às <b>sete</b>?</p>',
    replyToMessageId: letter.id,
    customHeaders: [{ name: 'X-Bakery', value: 'São João' }],
    attachments: [
      { filename: 'a.txt', contentType: 'text/plain', content: Buffer.from('abc') },
      { filename: 'b.txt', contentType: 'text/plain', content: 'YWJjZA==', size: 4 },
      { filename: 'c.txt', contentType: 'text/plain', content: Readable.from([Buffer.from('x')]) },
    ],
    isPlaintext: false,
  },
  queryParams: { fields: MessageFields.INCLUDE_HEADERS },
});
assert(sent.requestId);
const reply = await left(sent);
conforms('Message', reply);
assert.equal(reply.threadId, letter.threadId);
assert.deepEqual(reply.to, to);
assert.deepEqual(reply.replyTo?.map((each) => each.email), ['elsewhere@elsewhere.example']);
assert(reply.headers?.some((each) => each.name === 'X-Bakery' && each.value === 'São João'));
assert.equal(reply.attachments?.length, 3);
const copy = await arrived('Re: Letter 1');
assert.deepEqual(files(copy), [['a.txt', 3], ['b.txt', 4], ['c.txt', 1]]);
const kept = await messages.find({ identifier, messageId: reply.id });
assert.equal(kept.data.subject, 'Re: Letter 1');
assert.match(kept.data.body ?? '', /<b>sete<\/b>/);

// The same key twice is one message
const overrides = { headers: { 'Idempotency-Key': `key of ${address}` } };
const requestBody = { to, subject: 'Once', body: 'one & only <b>', isPlaintext: true };
const once = await messages.send({ identifier, requestBody, overrides });
const twice = await messages.send({ identifier, requestBody, overrides });
assert.equal((await left(twice)).id, (await left(once)).id);
assert.equal(twice.rawHeaders?.['idempotent-response'], 'true');
await arrived('Once');
const received = (await messagesAtProvider(reader)).filter((each) => each.subject === 'Once');
assert.equal(received.length, 1);

// ── From three mebibytes on as a form, sent in chunks ─────────────────────────────────────────

const picture = Buffer.from('a picture');
const withFiles = await messages.send({
  identifier,
  requestBody: {
    to,
    subject: 'Large files',
    body: '<p>See <img src="cid:forno"></p>',
    attachments: [
      {
        filename: 'pão é grande.bin',
        contentType: 'application/octet-stream',
        content: Buffer.alloc(3 * 1024 * 1024, 'x'),
        size: 3 * 1024 * 1024,
      },
      { filename: 'in.png', contentType: 'image/png', content: picture, contentId: 'forno' },
      {
        filename: 'stream.txt',
        contentType: 'text/plain',
        content: Readable.from([Buffer.from('in '), Buffer.from('pieces')]),
        size: 9,
      },
    ],
  },
});
const filesSent = await left(withFiles);
conforms('Message', filesSent);
assert.deepEqual(files(await arrived('Large files')), [
  ['in.png', 9],
  ['pão é grande.bin', 3 * 1024 * 1024],
  ['stream.txt', 9],
]);
const inline = filesSent.attachments?.find((each) => each.filename === 'in.png');
assert.deepEqual([inline?.isInline, inline?.contentId], [true, 'forno']);

// A long text alone makes it a form, too, whose only part is the message
const body = `<p>${'long '.repeat(700_000)}</p>`;
const long = await messages.send({ identifier, requestBody: { to, subject: 'A long text', body } });
const longSent = await left(long);
conforms('Message', longSent);
await arrived('A long text');
const text = (await messages.find({ identifier, messageId: longSent.id })).data.body;
assert.equal(text?.trim(), body);

// ── Refused ───────────────────────────────────────────────────────────────────────────────────

const nobody = await refusal(messages.send({ identifier, requestBody: { to: [], subject: 'x' } }));
assert.deepEqual([nobody.statusCode, nobody.type], [400, 'invalid_request_error']);
const huge = Buffer.alloc(4_200_000);
const tooLarge = await refusal(
  messages.send({
    identifier,
    requestBody: {
      to,
      attachments: [
        { filename: 'h', contentType: 'application/x', content: huge, size: huge.length },
      ],
    },
  }),
);
assert.equal(tooLarge.statusCode, 413);
