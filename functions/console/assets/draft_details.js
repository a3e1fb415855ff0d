// What a draft's metadata keeps for whoever goes on with it: what it answers or passes on, what was
// typed among its recipients that is no address yet, and the large files that were uploaded for it. A
// value has 500 characters, a draft 50 of them.

import { unparsed } from "./letters.js";

const UPLOADS_LIMIT = 40;
const VALUE_LIMIT = 500;

// `fields` are the recipients ({to, cc, bcc}), as texts.
export function metadataOf({ replyTo, forwarded, uploads, fields }) {
  return {
    ...Object.fromEntries(Object.entries(fields).map(([name, text]) => [`typed_${name}`, unparsed(text)])
      .filter(([, text]) => text && text.length <= VALUE_LIMIT)),
    ...(replyTo ? { reply_to: replyTo } : {}),
    ...(forwarded ? { forwarded } : {}),
    ...Object.fromEntries(uploads.filter((each) => each.id).slice(0, UPLOADS_LIMIT)
      .map(({ id, name, type, size, endsAt }, index) =>
        [`upload_${index}`, JSON.stringify({ id, name: name.slice(0, 200), type, size, endsAt })])),
  };
}

// Whether a draft has room for all that was typed among the recipients.
export function isRoomFor(fields) {
  return Object.values(fields).every((text) => unparsed(text).length <= VALUE_LIMIT);
}

// The recipients of a draft as they stand in their fields: what is no address yet comes last.
export function withTyped(fields, metadata) {
  return Object.fromEntries(Object.entries(fields).map(([name, text]) =>
    [name, [text, metadata?.[`typed_${name}`]].filter(Boolean).join(", ")]));
}

// Uploads that live no longer are left out.
export function detailsOf(metadata = {}) {
  const uploads = Object.keys(metadata).filter((key) => key.startsWith("upload_"))
    .map((key) => JSON.parse(metadata[key]))
    .filter((file) => file.endsAt > Date.now());
  return { replyTo: metadata.reply_to, forwarded: metadata.forwarded ?? "", uploads };
}
