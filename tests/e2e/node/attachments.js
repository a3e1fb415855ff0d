/** Attachments: described, and downloaded in each of the SDK's ways. */
import assert from 'node:assert/strict';
import { buffer } from 'node:stream/consumers';
import { conforms, nylas, refusal, waitFor, world } from './judge.js';

// Given a mail with a small file, and one with a file that no single answer can carry
const { grant: identifier } = world;
const { attachments } = nylas;
const mail = await waitFor(async () => {
  const { data } = await nylas.messages.list({ identifier, queryParams: { hasAttachment: true } });
  return data.length === 2 ? data : undefined;
});

/** @param {string} filename */
function place(filename) {
  for (const message of mail) {
    const file = message.attachments?.find((each) => each.filename === filename);
    if (file) return { identifier, attachmentId: file.id, queryParams: { messageId: message.id } };
  }
  return assert.fail(`no ${filename}`);
}

const small = place('preços.pdf');
const found = await attachments.find(small);
conforms('Attachment', found.data);
assert(found.requestId);
assert.equal(found.data.id, small.attachmentId);
assert.equal(found.data.contentType, 'application/pdf');
assert.equal(found.data.size, Buffer.byteLength('%PDF-1.4 ...'));
assert.equal(found.data.isInline, false);
assert.equal((await attachments.downloadBytes(small)).toString(), '%PDF-1.4 ...');
assert.equal((await buffer(await attachments.downloadNodeStream(small))).toString(), '%PDF-1.4 ...');
assert.equal(await new Response(await attachments.download(small)).text(), '%PDF-1.4 ...');

// The server sends the SDK on to another address, which it follows
const large = place('large.bin');
const whole = Buffer.alloc(5_000_000, 'postroom');
assert((await attachments.downloadBytes(large)).equals(whole));
assert((await buffer(await attachments.downloadNodeStream(large))).equals(whole));
assert(Buffer.from(await new Response(await attachments.download(large)).arrayBuffer()).equals(whole));

const gone = await refusal(attachments.downloadBytes({ ...small, attachmentId: 'none' }));
assert.deepEqual([gone.statusCode, gone.type], [404, 'not_found_error']);
