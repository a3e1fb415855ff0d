// What a letter begins with: nothing, what it answers or passes on, or a draft.

import { get, query } from "./api.js";
import { toast } from "./dom.js";
import { detailsOf } from "./draft_details.js";
import { fetched } from "./files.js";
import { t } from "./i18n.js";
import { forwarded, lines, quoted, read, written } from "./letters.js";
import { identityThatReceived, ownerOf, sendersOf } from "./own_addresses.js";
import { NEVER_SAVED, unsavedOf } from "./unfinished.js";
import { calledBack, isParked } from "./waiting.js";

// `how` as `openComposer` takes it. Answers what the composer shows and what a send needs.
export async function beginning(how) {
  const { kind, message, mailbox, grant } = how;
  const letter = {
    ...(await recipients(how)), bcc: "", subject: "", text: "", quote: "", raw: "", files: [], kept: [], uploads: [],
    replyTo: "", forwarded: "", draft: null, from: "",
    label: t(`compose.${kind === "reply_all" ? "reply" : kind}`),
  };
  if (kind === "new") return letter;
  if (kind === "draft") return resumed(letter, how);
  letter.from = await identityThatReceived(mailbox, message);
  // With pictures from elsewhere: this page shows none of it, and whoever gets it decides on them.
  const view = await get(`/v3/grants/${grant}/messages/${message.id}/view${query({ remote_pictures: true })}`);
  const original = view.html ?? lines((view.text ?? []).map((part) => part.text).join("\n"));
  letter.quote = kind === "forward" ? forwarded(message, original) : quoted(message, original);
  const prefix = kind === "forward" ? "Fwd: " : "Re: ";
  const plain = message.subject ?? "";
  letter.subject = plain.toLowerCase().startsWith(prefix.toLowerCase()) ? plain : prefix + plain;
  if (kind === "forward") {
    letter.forwarded = message.id;
    // Pictures of the text first: they are shown only where the message itself carries them.
    const inline = message.attachments.filter((file) => file.is_inline);
    letter.files = await passedOn(grant, [...inline, ...message.attachments.filter((file) => !file.is_inline)]);
  } else {
    letter.replyTo = message.id;
  }
  return letter;
}

async function recipients({ kind, message, mailbox }) {
  if (!["reply", "reply_all"].includes(kind)) return { to: "", cc: "" };
  const isOwn = await ownerOf(mailbox);
  const author = message.reply_to.length ? message.reply_to : message.from;
  const to = author.every(isOwn) ? message.to : author;
  if (kind === "reply") return { to: written(to), cc: "" };
  const there = new Set(to.map((person) => person.email.toLowerCase()));
  const others = [...message.to, ...message.cc].filter(
    (person) => !isOwn(person) && !there.has(person.email.toLowerCase()),
  );
  return { to: written(to), cc: written(others) };
}

async function resumed(letter, { grant, session, draft: id }) {
  const unsaved = unsavedOf(grant, id);
  if (id === NEVER_SAVED && unsaved) return { ...letter, ...unsaved.letter, unsaved };
  let draft;
  try {
    draft = await get(`/v3/grants/${grant}/drafts/${id}`);
  } catch (error) {
    if (error.status !== 404 || !unsaved) throw error;
    return { ...letter, ...unsaved.letter, unsaved };
  }
  if (isParked(draft)) {
    await calledBack(grant, draft.metadata.schedule, id);
    draft = await get(`/v3/grants/${grant}/drafts/${id}`);
  }
  const { text, quote, isPlain } = read(draft.body ?? "");
  const details = detailsOf(draft.metadata);
  return {
    ...letter, draft, text, quote, unsaved, uploads: unsaved?.letter.uploads ?? details.uploads,
    to: written(draft.to), cc: written(draft.cc), bcc: written(draft.bcc), subject: draft.subject ?? "",
    from: await senderOf(session.mailboxes.find((each) => each.id === grant), draft),
    ...unsaved?.letter.typed,
    raw: isPlain ? "" : draft.body, kept: draft.attachments,
    forwarded: details.forwarded,
    replyTo: details.replyTo ?? (details.forwarded ? "" : await answeredBy(grant, draft)),
  };
}

// A draft that was written elsewhere answers the newest message of its conversation, if there is one.
async function answeredBy(grant, draft) {
  const thread = await get(`/v3/grants/${grant}/threads/${draft.thread_id}${query({ select: "id,message_ids" })}`)
    .catch((error) => {
      if (error.status === 404) return { message_ids: [] };
      throw error;
    });
  return thread.message_ids[0] ?? "";
}

// What another program wrote may come from an address that is not the mailbox's to send from.
async function senderOf(mailbox, draft) {
  const author = draft.from[0]?.email.toLowerCase();
  const senders = await sendersOf(mailbox);
  return (senders.find((each) => each.email.toLowerCase() === author) ?? senders[0]).email;
}

async function passedOn(grant, files) {
  const found = [];
  for (const file of files) {
    const name = file.filename || t("mail.attachments");
    try {
      const content = await fetched(`/v3/grants/${grant}/attachments/${file.id}/download`);
      found.push([
        new File([content], name, { type: file.content_type }),
        file.content_id ? { contentId: file.content_id, isInline: file.is_inline } : {},
      ]);
    } catch {
      toast(t("compose.not_passed_on", { name }), { kind: "error" });
    }
  }
  return found;
}
