/** Messages without what their readers need not see again. */
import assert from 'node:assert/strict';
import { conforms, nylas, refusal, waitFor, world } from './judge.js';

// Given a newsletter, and an answer that quotes what it answers
const { grant: identifier } = world;
const { messages } = nylas;
const mail = await waitFor(async () => {
  const { data } = await messages.list({ identifier });
  return data.length === 2 ? data : undefined;
});
const messageId = mail.map((each) => each.id);

const cleaned = await messages.cleanMessages({ identifier, requestBody: { messageId } });
assert(cleaned.requestId);
cleaned.data.forEach((each) => conforms('CleanMessagesResponse', each));
assert.deepEqual(cleaned.data.map((each) => each.id), messageId);
const [answer, newsletter] = cleaned.data;
assert(answer && newsletter);
assert.match(answer.conversation, /Vamos às oito/);
assert.doesNotMatch(answer.conversation, /sai às sete/);
assert.match(newsletter.conversation, /pão/);
assert.doesNotMatch(newsletter.conversation, /<img|cid:/);

const asMarkdown = await messages.cleanMessages({
  identifier,
  requestBody: {
    messageId: [newsletter.id],
    ignoreLinks: false,
    ignoreImages: true,
    imagesAsMarkdown: false,
    ignoreTables: true,
    removeConclusionPhrases: true,
    htmlAsMarkdown: true,
  },
});
assert.match(asMarkdown.data[0]?.conversation ?? '', /\*\*pão\*\*/);

const none = await refusal(
  messages.cleanMessages({ identifier, requestBody: { messageId: ['none'] } }),
);
assert.deepEqual([none.statusCode, none.type], [404, 'not_found_error']);
const nothing = await refusal(
  messages.cleanMessages({ identifier, requestBody: { messageId: [] } }),
);
assert.equal(nothing.statusCode, 400);
