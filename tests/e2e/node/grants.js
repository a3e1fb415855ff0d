/** The connected mailbox as its application manages it. */
import assert from 'node:assert/strict';
import { conforms, nylas, refusal, world } from './judge.js';

const { address, grant: grantId, provider } = world;
const { grants } = nylas;

const found = await grants.find({ grantId });
conforms('Grant', found.data);
assert(found.requestId);
assert.equal(found.data.email, address);
assert.equal(found.data.provider, provider);
assert.equal(found.data.grantStatus, 'valid');
// By its address, whose plus sign the SDK escapes
assert.match(address, /\+/);
assert.equal((await grants.find({ grantId: address })).data.id, grantId);

for (const queryParams of [
  { email: address },
  { email: address, provider, grantStatus: 'valid' },
  { since: found.data.createdAt, before: found.data.createdAt + 60, limit: 200 },
]) {
  const { data } = await grants.list({ queryParams });
  data.forEach((each) => conforms('Grant', each));
  assert(
    data.some((each) => each.id === grantId),
    JSON.stringify(queryParams),
  );
}
assert.deepEqual((await grants.list({ queryParams: { email: 'nobody@x.example' } })).data, []);
const newest = await grants.list({
  queryParams: { limit: 1, offset: 0, sortBy: 'created_at', orderBy: 'desc' },
});
assert.deepEqual(newest.data.map((each) => each.id), [grantId]);
// The SDK asks on until it has as many as it wants: with more than there are, it must come to an end
const many = await grants.list({ queryParams: { limit: 200, orderBy: 'asc' } });
assert.equal(many.data.at(-1)?.id, grantId);
assert.equal((await grants.list()).data.length, Math.min(10, many.data.length));

const changed = await grants.update({ grantId, requestBody: { scope: found.data.scope } });
conforms('Grant', changed.data);
assert.equal(changed.data.id, grantId);
assert((await grants.destroy({ grantId })).requestId);
const gone = await refusal(grants.find({ grantId }));
assert.deepEqual([gone.statusCode, gone.type], [404, 'not_found_error']);
