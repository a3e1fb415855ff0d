/** Webhook destinations. */
import assert from 'node:assert/strict';
import { WebhookTriggers } from 'nylas';
import { conforms, nylas, refusal } from './judge.js';

const { webhooks } = nylas;
const triggerTypes = [WebhookTriggers.MessageCreated, WebhookTriggers.GrantExpired];
const made = await webhooks.create({
  requestBody: {
    triggerTypes,
    webhookUrl: 'https://93.184.215.14/node',
    description: 'd',
    notificationEmailAddresses: ['ops@example.com'],
  },
});
conforms('WebhookWithSecret', made.data);
assert.deepEqual(made.data.triggerTypes, triggerTypes);
assert.equal(made.data.status, 'active');

const webhookId = made.data.id;
const found = await webhooks.find({ webhookId });
conforms('Webhook', found.data);
assert.equal(found.data.webhookUrl, 'https://93.184.215.14/node');
assert.deepEqual(found.data.notificationEmailAddresses, ['ops@example.com']);
assert(!('webhookSecret' in found.data));
const listed = await webhooks.list();
assert.deepEqual(
  listed.data.find((each) => each.id === webhookId),
  found.data,
);

const changed = await webhooks.update({ webhookId, requestBody: { description: 'd2' } });
conforms('Webhook', changed.data);
assert.equal(changed.data.description, 'd2');
assert.deepEqual(changed.data.triggerTypes, triggerTypes);
const rotated = await webhooks.rotateSecret({ webhookId });
conforms('WebhookWithSecret', rotated.data);
assert.notEqual(rotated.data.webhookSecret, made.data.webhookSecret);

const addresses = await webhooks.ipAddresses();
conforms('WebhookIpAddressesResponse', addresses.data);
const challenge = 'https://93.184.215.14/node?challenge=they%20ask';
assert.equal(webhooks.extractChallengeParameter(challenge), 'they ask');

const inside = await refusal(
  webhooks.create({ requestBody: { triggerTypes, webhookUrl: 'https://127.0.0.1/hook' } }),
);
assert.deepEqual([inside.statusCode, inside.type], [400, 'invalid_request_error']);
const destroyed = await webhooks.destroy({ webhookId });
conforms('WebhookDeleteResponse', destroyed);
assert.equal(destroyed.data?.status, 'success');
assert.equal((await refusal(webhooks.find({ webhookId }))).statusCode, 404);
