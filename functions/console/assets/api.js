// Calls of the API with the session's cookie. The header tells the server that this page asks.

export class Refused extends Error {
  // `field` is the part of the request that is wrong, `said` what the provider itself said.
  constructor(status, type, message, { field = "", said = "" } = {}) {
    super(message);
    this.status = status;
    this.type = type;
    this.field = field;
    this.said = said;
  }
}

let onSignedOut = () => {};
export function whenSignedOut(then) {
  onSignedOut = then;
}

let onLessAllowed = () => {};
export function whenLessAllowed(then) {
  onLessAllowed = then;
}

let onConsentGone = () => {};
export function whenConsentIsGone(then) {
  onConsentGone = then;
}

// The gateway refuses in words of its own, with no type; what they mean here.
function typeOf(status) {
  const name = status >= 500 ? "5xx" : status;
  return ["5xx", 403, 409, 413, 429].includes(name) ? `status.${name}` : "";
}

// A small request outlives its page; browsers carry 64 KiB so.
export const OUTLIVES_LENGTH = 16_000;

export async function call(method, path, body, headers = {}) {
  const request = { method, headers: { "X-Postroom-Console": "1", ...headers } };
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
    request.keepalive = request.body.length < OUTLIVES_LENGTH;
  }
  let response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new Refused(0, "offline", "");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const error = answer.error ?? {};
  if (response.status === 401 && error.type === "unauthorized" && path !== "/console/session") {
    onSignedOut();
  }
  if (error.type === "insufficient_scopes") onLessAllowed();
  if (error.type === "grant.reauth_required") onConsentGone();
  throw new Refused(response.status, error.type ?? typeOf(response.status), error.message ?? "", {
    field: error.field, said: error.provider_error?.message,
  });
}

export const get = async (path) => (await call("GET", path)).data;
export const page = (path) => call("GET", path);
export const post = async (path, body = {}, headers) => (await call("POST", path, body, headers)).data;
export const put = async (path, body) => (await call("PUT", path, body)).data;
export const patch = async (path, body) => (await call("PATCH", path, body)).data;
export const remove = (path) => call("DELETE", path);

export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  return given.length ? "?" + new URLSearchParams(given) : "";
}

// At most `limit` at once, and every one of them, whatever becomes of the others.
export async function each(items, act, limit = 4) {
  const rest = [...items];
  const failures = [];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
      try {
        await act(item);
      } catch (error) {
        failures.push([item, error]);
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return failures;
}
