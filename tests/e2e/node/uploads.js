/** A file that no request could carry: uploaded to where the server says, completed, and sent. */
import assert from 'node:assert/strict';
import { conforms, messagesAtProvider, nylas, refusal, waitFor, world } from './judge.js';

const { address, grant: identifier } = world;
const reader = `reader-of-${address}`;
const { attachments } = nylas;
const film = Buffer.alloc(6_000_000, 'postroom');

const offered = await attachments.createUploadSession({
  identifier,
  requestBody: { filename: 'Fílm.mp4', contentType: 'video/mp4', size: film.length },
});
conforms('AttachmentUploadSession', offered.data);
assert(offered.requestId);
const { attachmentId, headers, method, url } = offered.data;
assert.deepEqual([method, offered.data.size], ['PUT', film.length]);
// `Content-Type` is what the server said; the SDK hands the names of headers on in camel case
assert.deepEqual(headers, { contentType: 'video/mp4', contentLength: `${film.length}` });
const put = await fetch(url, { method, body: film, headers: { 'content-type': 'video/mp4' } });
assert(put.ok, await put.text());
const ready = await attachments.completeUploadSession({ identifier, attachmentId });
conforms('AttachmentUploadSessionComplete', ready.data);
assert.deepEqual([ready.data.attachmentId, ready.data.status], [attachmentId, 'ready']);

// It sends the id of an upload, though its types ask for the content of every file
const named = /** @type {import('nylas').CreateAttachmentRequest} */ (
  /** @type {unknown} */ ({ id: attachmentId })
);
await nylas.messages.send({
  identifier,
  requestBody: { to: [{ email: reader }], subject: 'A film', attachments: [named] },
});
const [arrived] = await waitFor(async () => {
  const there = await messagesAtProvider(reader);
  return there.length ? there : undefined;
});
assert.deepEqual(
  arrived.attachments.map((/** @type {any} */ each) => [each.filename, each.size]),
  [['Fílm.mp4', film.length]],
);

const none = await refusal(
  attachments.completeUploadSession({ identifier, attachmentId: 'none' }),
);
assert.deepEqual([none.statusCode, none.type], [404, 'not_found_error']);
const tooLarge = await refusal(
  attachments.createUploadSession({
    identifier,
    requestBody: { filename: 'f', contentType: 'video/mp4', size: 200 * 1024 * 1024 },
  }),
);
assert.equal(tooLarge.statusCode, 413);
