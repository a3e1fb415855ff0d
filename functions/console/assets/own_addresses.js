// The addresses that a mailbox may send from: who is written to there is its owner.

import { get, query } from "./api.js";

const FRESH_MS = 60_000;
const DELIVERED_TO = ["delivered-to", "x-original-to"];
const known = new Map();

const plain = (person) => person.email.toLowerCase();
const isSame = (one, other) => plain(one) === plain(other);

// Answers {email, is_default} of each, the mailbox's own address first.
export async function sendersOf(mailbox) {
  const before = known.get(mailbox.id);
  if (!before || Date.now() - before.at > FRESH_MS) {
    const asked = get(`/v3/grants/${mailbox.id}`);
    known.set(mailbox.id, { asked, at: Date.now() });
    asked.catch(() => known.delete(mailbox.id));
  }
  const { senders } = await known.get(mailbox.id).asked;
  const [own, aliases] = [[], []];
  for (const each of senders ?? []) (isSame(each, mailbox) ? own : aliases).push(each);
  return [{ email: mailbox.email, is_default: own.some((each) => each.is_default) }, ...aliases];
}

// Answers whether somebody is the mailbox's owner.
export async function ownerOf(mailbox) {
  const own = new Set((await sendersOf(mailbox)).map(plain));
  return (person) => own.has(plain(person));
}

// Whoever answers does so as whom the mail was sent to, or as who sent it: the API does the same
// where no sender is named.
export async function identityThatReceived(mailbox, message) {
  const senders = await sendersOf(mailbox);
  const [main, ...aliases] = senders;
  const ownOf = (people) => people.map((each) => senders.find((own) => isSame(own, each))).filter(Boolean);
  const [found] = [...ownOf(message.from), ...ownOf([...message.to, ...message.cc, ...message.bcc])];
  if (found || !aliases.length) return (found ?? main).email;
  // To a list, or a blind copy: an alias stands there beside the main address, which gets everything.
  const { headers } = await get(
    `/v3/grants/${mailbox.id}/messages/${message.id}${query({ fields: "include_headers", select: "id,headers" })}`,
  );
  const delivered = (headers ?? []).filter(({ name }) => DELIVERED_TO.includes(name.toLowerCase()))
    .map(({ value }) => value.toLowerCase());
  return (aliases.find((each) => delivered.some((value) => value.includes(plain(each)))) ?? main).email;
}
