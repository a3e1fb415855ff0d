/** The OAuth clients of a provider: the connector, and other clients of the administrator's. */
import assert from 'node:assert/strict';
import { CredentialType } from 'nylas';
import { conforms, nylas, refusal, world } from './judge.js';

const { connectors } = nylas;
const { provider } = world;

const found = await connectors.find({ provider });
conforms('Connector', found.data);
assert.equal(found.data.provider, provider);
assert(!('clientSecret' in (found.data.settings ?? {})));

// Made anew, as on the first day
assert((await connectors.destroy({ provider })).requestId);
assert.equal((await refusal(connectors.find({ provider }))).statusCode, 404);
const made = await connectors.create({
  requestBody: {
    name: 'Ours',
    provider,
    settings: { clientId: 'our-client', clientSecret: 'our-secret' },
  },
});
conforms('Connector', made.data);
assert.equal(made.data.settings?.clientId, 'our-client');
assert(!JSON.stringify(made).includes('our-secret'));

// The SDK pages by itself, and asks on for what is missing: there are fewer than are wanted
const all = await connectors.list({ queryParams: { limit: 20 } });
all.data.forEach((each) => conforms('Connector', each));
assert(all.data.some((each) => each.provider === provider));
const seen = [];
for await (const page of connectors.list({ queryParams: { limit: 1 } })) seen.push(...page.data);
assert.deepEqual(seen.map((each) => each.provider).sort(), ['google', 'microsoft']);

// PUT, where the other SDK says PATCH
const renamed = await connectors.update({ provider, requestBody: { name: 'Renamed' } });
conforms('Connector', renamed.data);
assert.equal(renamed.data.settings?.clientId, 'our-client');

// ── Credentials ───────────────────────────────────────────────────────────────────────────────

const { credentials } = connectors;
const another = await credentials.create({
  provider,
  requestBody: {
    name: 'Another',
    credentialType: CredentialType.CONNECTOR,
    credentialData: { clientId: 'another-client', clientSecret: 'another-secret' },
  },
});
conforms('Credential', another.data);
assert.equal(another.data.credentialType, 'connector');
assert(!JSON.stringify(another).includes('another-secret'));
const credentialsId = another.data.id;
const changed = await credentials.update({
  provider,
  credentialsId,
  requestBody: { name: 'Renamed' },
});
conforms('Credential', changed.data);
assert.deepEqual((await credentials.find({ provider, credentialsId })).data, changed.data);
assert.equal(changed.data.name, 'Renamed');
// `createdAt` is the value that the SDK declares, though it names every parameter created_at
const listed = await credentials.list({
  provider,
  queryParams: { limit: 5, offset: 0, sortBy: 'createdAt', orderBy: 'desc' },
});
listed.data.forEach((each) => conforms('Credential', each));
assert.equal(listed.data[0]?.id, credentialsId);

// Used by every new mailbox of the provider, and no longer
const active = await connectors.update({
  provider,
  requestBody: { activeCredentialId: credentialsId },
});
assert.equal(active.data.activeCredentialId, credentialsId);
const inUse = await refusal(credentials.destroy({ provider, credentialsId }));
assert.equal(inUse.statusCode, 409);
