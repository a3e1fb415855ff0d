/** Hosted authentication both ways, tokens, custom authentication and detection. */
import assert from 'node:assert/strict';
import Nylas, { NylasOAuthError } from 'nylas';
import { Browser } from './browser.js';
import { conforms, failure, nylas, refusal, simulator, world } from './judge.js';

const { clientId, provider, returnAddress: redirectUri } = world;

/** @param {string} person */
async function somebody(person, at = provider) {
  const address = `${person}-${Date.now().toString(36)}@${at}.example`;
  await simulator('mailboxes', { address }, at);
  return address;
}

/** @param {string} url */
function comeBack(url) {
  return new Browser().comeBack(url, redirectUri);
}

/** @param {string | undefined} code */
function received(code) {
  assert(code, 'no code came back');
  return code;
}

// ── With a secret, and everything that the address can say ────────────────────────────────────

const address = await somebody('node+auth');
const url = nylas.auth.urlForOAuth2({
  clientId,
  redirectUri,
  provider,
  accessType: 'offline',
  prompt: 'select_provider,detect',
  includeGrantScopes: true,
  state: 'their state & more',
  loginHint: address,
  smtpRequired: true,
});
const answer = await comeBack(url);
assert.equal(answer.state, 'their state & more');
const code = received(answer.code);
const tokens = await nylas.auth.exchangeCodeForToken({ clientId, redirectUri, code });
conforms('CodeExchangeResponse', tokens);
assert.equal(tokens.email, address);
assert.equal(tokens.provider, provider);
assert.equal(tokens.expiresIn, 3600);
assert.equal(tokens.tokenType, 'Bearer');
assert(tokens.idToken);
assert(tokens.refreshToken);

const twice = await failure(nylas.auth.exchangeCodeForToken({ clientId, redirectUri, code }));
assert(twice instanceof NylasOAuthError);
assert.deepEqual([twice.statusCode, twice.error], [400, 'invalid_grant']);
assert(twice.errorDescription);
assert(twice.errorUri);
assert.equal(typeof twice.errorCode, 'number');
assert(twice.requestId);

// ── With PKCE, whose challenge this SDK makes in its own way ──────────────────────────────────

const pkce = nylas.auth.urlForOAuth2PKCE({ clientId, redirectUri, provider, loginHint: address });
const again = await nylas.auth.exchangeCodeForToken({
  clientId,
  redirectUri,
  code: received((await comeBack(pkce.url)).code),
  codeVerifier: pkce.secret,
});
conforms('CodeExchangeResponse', again);
assert.equal(again.grantId, tokens.grantId);

const theirs = nylas.auth.urlForOAuth2PKCE({ clientId, redirectUri, provider, loginHint: address });
const stolen = await failure(
  nylas.auth.exchangeCodeForToken({
    clientId,
    redirectUri,
    code: received((await comeBack(theirs.url)).code),
    codeVerifier: pkce.secret,
  }),
);
assert(stolen instanceof NylasOAuthError);
assert.deepEqual([stolen.statusCode, stolen.error], [400, 'invalid_grant']);

// ── The life of a token ───────────────────────────────────────────────────────────────────────

const renewed = await nylas.auth.refreshAccessToken({
  clientId,
  redirectUri,
  refreshToken: tokens.refreshToken,
});
conforms('CodeExchangeResponse', renewed);
assert.equal(renewed.grantId, tokens.grantId);
for (const told of [
  await nylas.auth.idTokenInfo(tokens.idToken),
  await nylas.auth.accessTokenInfo(renewed.accessToken),
]) {
  conforms('TokenInfoResponse', told.data);
  assert(told.requestId);
  assert.equal(told.data.sub, tokens.grantId);
  assert.equal(told.data.email, address);
  assert.equal(told.data.aud, clientId);
  assert.equal(told.data.exp - told.data.iat, 3600);
}
const owner = new Nylas({ apiKey: renewed.accessToken, apiUri: world.apiUri });
assert.equal((await owner.grants.find({ grantId: 'me' })).data.id, tokens.grantId);
assert.equal((await refusal(owner.connectors.list({}))).statusCode, 403);
assert.equal(await nylas.auth.revoke(renewed.accessToken), true);
assert.equal((await refusal(owner.grants.find({ grantId: 'me' }))).statusCode, 401);
const revoked = await failure(nylas.auth.accessTokenInfo(renewed.accessToken));
assert(revoked instanceof NylasOAuthError);
assert.equal(revoked.statusCode, 400);
await nylas.grants.destroy({ grantId: tokens.grantId });

// ── Connected by a token that the application got itself ──────────────────────────────────────

const { settings } = (await nylas.connectors.find({ provider })).data;
const place = {
  client_id: String(settings?.clientId),
  redirect_uri: 'https://their.example/return',
};
const [authorize, token, scope] = {
  google: [
    '/o/oauth2/v2/auth',
    '/token',
    'openid email profile https://www.googleapis.com/auth/gmail.modify',
  ],
  microsoft: [
    '/common/oauth2/v2.0/authorize',
    '/common/oauth2/v2.0/token',
    'openid email profile offline_access Mail.ReadWrite Mail.Send User.Read',
  ],
}[provider];
const loginHint = await somebody('node-custom');
const consent = new URLSearchParams({
  ...place,
  response_type: 'code',
  scope: scope ?? '',
  login_hint: loginHint,
  access_type: 'offline',
  state: 's',
});
const simulated = world.simulators[provider];
const agreed = await new Browser().comeBack(
  `${simulated}${authorize}?${consent}`,
  place.redirect_uri,
);
const exchanged = await fetch(`${simulated}${token}`, {
  method: 'POST',
  body: new URLSearchParams({
    ...place,
    client_secret: 'our-secret',
    grant_type: 'authorization_code',
    code: received(agreed.code),
  }),
});
const refreshToken = /** @type {any} */ (await exchanged.json()).refresh_token;
const custom = await nylas.auth.customAuthentication({
  requestBody: { provider, settings: { refreshToken }, scope: [], state: 'theirs' },
});
conforms('Grant', custom.data);
assert.equal(custom.data.email, loginHint);
assert.equal(custom.data.state, 'theirs');
assert.equal(custom.data.grantStatus, 'valid');
const changed = await nylas.grants.update({
  grantId: custom.data.id,
  requestBody: { settings: { refreshToken } },
});
assert.equal(changed.data.id, custom.data.id);
await nylas.grants.destroy({ grantId: custom.data.id });
const invented = await refusal(
  nylas.auth.customAuthentication({
    requestBody: { provider, settings: { refreshToken: 'nobody-gave-it' } },
  }),
);
assert.equal(invented.statusCode, 400);
assert.match(invented.message, /settings\.refresh_token/);

// ── Of an organisation, by its administrator: Microsoft's, whichever provider is judged ───────

const administrator = await somebody('node-administrator', 'microsoft');
const browser = new Browser();
const asked = await browser.walk(
  nylas.auth.urlForAdminConsent({ clientId, redirectUri, credentialId: '', state: 'theirs' }),
  redirectUri,
);
const page = new URL(asked.url);
const q = page.search.slice(1);
page.search = '';
const form = new URLSearchParams({ q, address: administrator, answer: 'allow' });
const allowed = await browser.visit(page.href, { method: 'POST', body: form });
assert.equal(allowed.status, 302, await allowed.text());
assert.deepEqual(
  await browser.comeBack(allowed.headers.get('location') ?? '', redirectUri),
  { admin_consent: 'True', state: 'theirs' },
);

// ── Who hosts an address ──────────────────────────────────────────────────────────────────────

const gmail = await nylas.auth.detectProvider({ email: 'ada+b@gmail.com' });
conforms('ProviderDetectResponse', gmail.data);
assert.deepEqual(
  [gmail.data.detected, gmail.data.provider, gmail.data.emailAddress],
  [true, 'google', 'ada+b@gmail.com'],
);
const all = await nylas.auth.detectProvider({ email: 'ada@outlook.com', allProviderTypes: true });
conforms('ProviderDetectResponse', all.data);
assert.equal(all.data.provider, 'microsoft');
const nobody = await nylas.auth.detectProvider({ email: 'ada@nowhere.invalid' });
conforms('ProviderDetectResponse', nobody.data);
assert.equal(nobody.data.detected, false);
