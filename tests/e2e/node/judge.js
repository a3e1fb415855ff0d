/** What every script starts from: the world that the test built, and a client of the SDK in it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Nylas, { NylasApiError } from 'nylas';
import { departures } from './conforms.js';

/**
 * @typedef {object} World
 * @property {string} apiUri
 * @property {string} apiKey
 * @property {string} clientId
 * @property {string} returnAddress registered for the application
 * @property {'google' | 'microsoft'} provider
 * @property {Record<'google' | 'microsoft', string>} simulators their addresses, by provider
 * @property {string} modelsFile what sdk_types.js said
 * @property {string} grant of the mailbox that the test connected, if it did
 * @property {string} address the mailbox's
 */

/** @type {World} */
export const world = JSON.parse(readFileSync(0, 'utf8'));

/** The SDK as an application makes it, with the administrator's key. */
export const nylas = new Nylas({ apiKey: world.apiKey, apiUri: world.apiUri });

/** @type {Record<string, import('./conforms.js').Type>} */
const models = JSON.parse(readFileSync(world.modelsFile, 'utf8')).models;

/**
 * Fail unless a value is what the SDK's declaration of a model says.
 *
 * @param {string} model
 * @param {unknown} value
 */
export function conforms(model, value) {
  const type = models[model];
  assert(type, `no model ${model}`);
  assert.deepEqual(departures(value, type, model), []);
}

/**
 * Return the refusal that a call ends in; fails when it does not.
 *
 * @param {Promise<unknown>} call
 * @returns {Promise<NylasApiError>}
 */
export async function refusal(call) {
  const error = await failure(call);
  assert(error instanceof NylasApiError, `no NylasApiError: ${error}`);
  assert(error.message);
  assert(error.requestId);
  return error;
}

/**
 * Return what a call throws; fails when it does not.
 *
 * @param {Promise<unknown>} call
 * @returns {Promise<unknown>}
 */
export async function failure(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  return assert.fail('the call was not refused');
}

/**
 * Look until there is something to see, for a minute at most.
 *
 * @template Seen
 * @param {() => Promise<Seen>} look
 * @returns {Promise<NonNullable<Seen>>}
 */
export async function waitFor(look) {
  const giveUpAt = Date.now() + 60_000;
  while (Date.now() < giveUpAt) {
    const seen = await look();
    if (seen) return seen;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return assert.fail(`nothing came within a minute: ${look}`);
}

/**
 * Call the control interface of a simulator; answers its JSON.
 *
 * @param {string} path
 * @param {object} [body] posted, when there is one
 * @param {'google' | 'microsoft'} [provider]
 * @returns {Promise<any>}
 */
export async function simulator(path, body, provider = world.provider) {
  const answer = await fetch(`${world.simulators[provider]}/_sim/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { 'content-type': 'application/json' },
    body: body ? JSON.stringify(body) : null,
  });
  const text = await answer.text();
  assert(answer.ok, text);
  return text ? JSON.parse(text) : undefined;
}

/**
 * Return the truth about the messages of a mailbox.
 *
 * @param {string} [address]
 * @returns {Promise<any[]>}
 */
export async function messagesAtProvider(address = world.address) {
  return (await simulator(`mailboxes/${address}`)).messages;
}
