/** Messages that are sent later: followed, and called back. */
import assert from 'node:assert/strict';
import { conforms, messagesAtProvider, nylas, refusal, world } from './judge.js';

const { address, grant: identifier } = world;
const { messages } = nylas;
const now = Math.floor(Date.now() / 1000);
const requestBody = {
  to: [{ email: `reader-of-${address}` }],
  subject: 'Later',
  body: 'Good morning!',
  sendAt: now + 3600,
};

const accepted = await messages.send({ identifier, requestBody });
assert(accepted.requestId);
// Until it leaves it is known by its schedule alone, though the SDK promises an id
const { scheduleId } = accepted.data;
assert(scheduleId);
assert.deepEqual(
  [accepted.data.object, accepted.data.grantId, accepted.data.sendAt, accepted.data.subject],
  ['message', identifier, now + 3600, 'Later'],
);
const soon = { ...requestBody, subject: 'Sooner', sendAt: now + 1800 };
const sooner = await messages.send({ identifier, requestBody: soon });

// A number, say the SDK's types of a schedule's id, which it hands on as it comes; and an object
// with `schedules` of their list, where the other SDK fails on everything but a list.
const listed = await messages.listScheduledMessages({ identifier });
const schedules = /** @type {import('nylas').ScheduledMessage[]} */ (
  /** @type {unknown} */ (listed.data)
);
assert.deepEqual(
  schedules.map((each) => each.scheduleId),
  [sooner.data.scheduleId, scheduleId],
);
for (const each of schedules) conforms('ScheduledMessageStatus', each.status);
const found = await messages.findScheduledMessage({ identifier, scheduleId });
conforms('ScheduledMessageStatus', found.data.status);
assert.equal(found.data.scheduleId, scheduleId);
assert.equal(found.data.status.code, 'pending');
assert(!('closeTime' in found.data));

const stopped = await messages.stopScheduledMessage({ identifier, scheduleId });
conforms('StopScheduledMessageResponse', stopped.data);
assert(stopped.requestId);
const after = await messages.findScheduledMessage({ identifier, scheduleId });
assert.equal(after.data.status.code, 'cancelled');
assert.equal(typeof after.data.closeTime, 'number');
assert.equal((await messagesAtProvider(`reader-of-${address}`)).length, 0);

const none = await refusal(messages.findScheduledMessage({ identifier, scheduleId: 'none' }));
assert.deepEqual([none.statusCode, none.type], [404, 'not_found_error']);
const past = await refusal(
  messages.send({ identifier, requestBody: { ...requestBody, sendAt: now - 60 } }),
);
assert.equal(past.statusCode, 400);
assert.match(past.message, /send_at/);
