/** The application, and the addresses to which its users return. */
import assert from 'node:assert/strict';
import { conforms, nylas, refusal, world } from './judge.js';

const details = await nylas.applications.getDetails();
conforms('ApplicationDetails', details.data);
assert(details.requestId);
assert.equal(details.data.applicationId, world.clientId);

const branding = { name: 'Letterbox', websiteUrl: 'https://letterbox.example' };
const renamed = await nylas.applications.update({ requestBody: { branding } });
conforms('ApplicationDetails', renamed.data);
assert.equal(renamed.data.branding.name, 'Letterbox');
assert.equal(renamed.data.branding.websiteUrl, 'https://letterbox.example');
const read = await nylas.applications.getDetails({});
assert.deepEqual(read.data, renamed.data);

const { redirectUris } = nylas.applications;
// The SDK writes `sha1CertificateFingerprint` as `sha_1_certificate_fingerprint`, against its own
// documentation: the server understands both, and answers in the documented way.
const settings = { packageName: 'com.example', sha1CertificateFingerprint: 'AA:BB' };
const made = await redirectUris.create({
  requestBody: { url: 'https://node.example/return', platform: 'android', settings },
});
conforms('RedirectUri', made.data);
assert.equal(made.data.url, 'https://node.example/return');
assert.equal(made.data.platform, 'android');
assert.equal(made.data.settings?.packageName, 'com.example');
assert.equal(made.data.settings?.sha1CertificateFingerprint, 'AA:BB');

const redirectUriId = made.data.id;
const changed = await redirectUris.update({
  redirectUriId,
  requestBody: { url: 'https://node.example/other', platform: 'web' },
});
conforms('RedirectUri', changed.data);
const found = await redirectUris.find({ redirectUriId });
conforms('RedirectUri', found.data);
assert.deepEqual(found.data, changed.data);
assert.equal(found.data.url, 'https://node.example/other');
const listed = await redirectUris.list();
listed.data.forEach((each) => conforms('RedirectUri', each));
assert.deepEqual(
  listed.data.find((each) => each.id === redirectUriId),
  changed.data,
);
const { callbackUris } = (await nylas.applications.getDetails()).data;
assert(callbackUris);
assert(callbackUris.some((each) => each.id === redirectUriId));

// All at once: the known ones keep their ids, one moves, one is new, and one is left out.
const moved = callbackUris.map((each) =>
  each.id === redirectUriId ? { ...each, url: 'https://node.example/moved' } : each,
);
const added = await nylas.applications.update({
  requestBody: { callbackUris: [...moved, { url: 'https://node.example/new' }] },
});
conforms('ApplicationDetails', added.data);
const after = added.data.callbackUris ?? [];
assert.deepEqual(after.slice(0, -1), moved);
assert.deepEqual([after.at(-1)?.url, after.at(-1)?.platform], ['https://node.example/new', 'web']);
const without = await nylas.applications.update({ requestBody: { callbackUris: moved } });
assert.deepEqual(without.data.callbackUris, moved);
const unknown = await refusal(
  nylas.applications.update({
    requestBody: { additionalSettings: { loginUrl: 'https://node.example/login' } },
  }),
);
assert.equal(unknown.statusCode, 400);
assert(unknown.message.startsWith('additional_settings.login_url: '));

assert((await redirectUris.destroy({ redirectUriId })).requestId);
const gone = await refusal(redirectUris.find({ redirectUriId }));
assert.deepEqual([gone.statusCode, gone.type], [404, 'not_found_error']);
const nowhere = await refusal(redirectUris.create({ requestBody: { url: 'nowhere' } }));
assert.deepEqual([nowhere.statusCode, nowhere.type], [400, 'invalid_request_error']);
