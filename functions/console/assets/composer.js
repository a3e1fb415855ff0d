// The composer: what is written, saved as a draft while it is written, and how that ends.

import { OUTLIVES_LENGTH, remove } from "./api.js";
import { button, confirmed, field, fill, h, icon, toast } from "./dom.js";
import { isRoomFor, metadataOf, withTyped } from "./draft_details.js";
import { DraftSaver } from "./draft_saver.js";
import { Files } from "./files.js";
import { FromField } from "./from_field.js";
import { t } from "./i18n.js";
import { lines, parsedSoFar } from "./letters.js";
import { chosenTime } from "./send_later.js";
import { recipientsOf, Sending } from "./sending.js";
import { forgetOpen, forgetUnsaved, putAside, rememberOpen } from "./unfinished.js";

// Shows a letter (of `beginnings.js`). `open` opens another one in its place, `closed` hears that it is
// away. Answers how it is closed: {close, putAside}.
export function showComposer(letter, { open, closed, ...how }) {
  const { session } = how;
  const usable = session.mailboxes.filter((each) => each.grant_status !== "invalid");
  const mailboxes = usable.some((each) => each.id === how.grant) ? usable : session.mailboxes;
  let { grant } = how;
  let isShown = true;
  let isBusy = false;
  let theirs = null;
  let moving = Promise.resolve();
  let isMoving = false;

  const address = () => `/v3/grants/${grant}`;
  const input = (value, most) =>
    h("input", { type: "text", value, autocomplete: "off", spellcheck: "false", maxlength: most, oninput: () => saver.touch() });
  const { metadata } = letter.unsaved ? {} : letter.draft ?? {};
  const begun = withTyped({ to: letter.to, cc: letter.cc, bcc: letter.bcc }, metadata);
  const to = input(begun.to);
  const cc = input(begun.cc);
  const bcc = input(begun.bcc);
  const subject = input(letter.subject, "900");
  subject.setAttribute("spellcheck", "true");
  const body = h("textarea", { rows: "10", oninput: () => saver.touch() });
  body.value = letter.typedText ?? letter.text;
  const from = new FromField({
    mailboxes: how.kind === "new" ? mailboxes : mailboxes.filter((each) => each.id === grant),
    grant, email: letter.from, chosen: () => (moving = moving.then(moved).catch(how.explain)),
  });
  const state = h("span", { class: "muted small state", role: "status" });
  const notice = h("div", {});

  const files = new Files({
    provider: session.mailboxes.find((each) => each.id === grant).provider,
    address, explain: how.explain, changed: () => saver.touch({ files: true }),
  });
  const saver = new DraftSaver({ address, content, files: () => files.encoded(), told });
  const edit = (draft) => open({ ...how, kind: "draft", grant, draft });
  const sending = new Sending({
    address, saver, files, content, details, session, explain: how.explain, changed: how.changed, edit,
  });

  // ── What it says ──

  const people = (reading) => ({ to: reading(to.value), cc: reading(cc.value), bcc: reading(bcc.value) });
  const fields = () => people((text) => text);
  const isUntouched = () => letter.raw && body.value === letter.text;
  const html = () => (isUntouched() ? letter.raw : lines(body.value) + letter.quote);

  // What it belongs to: its conversation goes on.
  function origin() {
    if (letter.replyTo) return { reply_to_message_id: letter.replyTo };
    return letter.forwarded ? { forward_message_id: letter.forwarded } : {};
  }

  function details() {
    return metadataOf({
      replyTo: letter.replyTo, forwarded: letter.forwarded, uploads: files.uploads, fields: fields(),
    });
  }

  function content() {
    return {
      ...people(parsedSoFar), subject: subject.value, metadata: details(), ...from.senderAt(grant),
      ...(isUntouched() && saver.id ? {} : { body: html() }),
      ...(saver.id ? {} : origin()),
    };
  }

  function told(what, about) {
    if (saver.id && isShown) rememberOpen(grant, saver.id);
    if (what === "saved" && letter.unsaved) forgetUnsaved();
    state.classList.toggle("bad", ["failed", "gone", "elsewhere"].includes(what));
    state.textContent = what === "writing" ? "" : what === "failed" && about.status >= 400 && about.status < 500 && about.status !== 429
      ? t("draft.refused") : t(`draft.${what}`);
    if (what !== "elsewhere") return;
    theirs = about;
    fill(notice, h("div", { class: "notice", role: "alert" }, h("p", {}, t("draft.elsewhere_text")),
      h("div", { class: "actions" },
        button(t("draft.theirs"), takeTheirs, { kind: "small" }),
        button(t("draft.ours"), () => (fill(notice), saver.keepOurs(theirs)), { kind: "small" }))));
  }

  async function takeTheirs() {
    saver.stop();
    away();
    await edit(saver.id);
  }

  // Another address is to send it. Where that is another mailbox's, the draft goes along.
  async function moved() {
    if (!isShown) return;
    if (from.value.grant === grant) {
      saver.touch();
      return;
    }
    const before = address();
    isMoving = true;
    try {
      await saver.settled();
      // A draft may have been made of which nothing was heard.
      if (saver.making) await saver.save();
      const { id } = saver;
      const chosen = session.mailboxes.find((each) => each.id === from.value.grant);
      await files.moveTo(chosen.provider, () => {
        grant = chosen.id;
        saver.forget();
      });
      if (id) await remove(`${before}/drafts/${id}`).catch(how.explain);
    } finally {
      isMoving = false;
      if (isShown) saver.resume();
    }
  }

  // ── How it ends ──

  function away() {
    saver.stop();
    forgetOpen();
    if (letter.unsaved) forgetUnsaved();
    removeEventListener("beforeunload", warn);
    document.removeEventListener("visibilitychange", hidden);
    removeEventListener("pagehide", left);
    panel.close();
    panel.remove();
    if (document.activeElement === document.body) {
      // What was pressed to write may have been painted anew.
      (document.getElementById(opener) ?? document.querySelector(".side .primary"))?.focus({ preventScroll: true });
      // Where the folders are a menu, it is closed.
      if (document.activeElement === document.body) document.querySelector(".tools .menu")?.focus({ preventScroll: true });
    }
    isShown = false;
    closed();
  }

  async function close() {
    await moving;
    if (isBusy) {
      toast(t("compose.still_sending"));
      return false;
    }
    if (files.areArriving && !(await confirmed(
      t("compose.arriving.title"), t("compose.arriving.text"), t("close"), t("cancel"),
    ))) return false;
    files.stop();
    const wasSaved = (await saver.save()) && isRoomFor(fields());
    if (!wasSaved && !(await confirmed(
      t("compose.unsaved.title"), t("compose.unsaved.text"), t("close"), t("cancel"),
    ))) return false;
    away();
    if (saver.id && saver.revision > 0) toast(t("draft.kept"));
    how.changed();
    return true;
  }

  function aside() {
    const { id, seen, isDirty } = saver;
    const typed = { ...fields(), subject: subject.value, from: from.value.email, typedText: body.value };
    away();
    if (isDirty) {
      const { text, quote, raw, replyTo, forwarded: passed, label } = letter;
      const uploads = files.uploads.filter((each) => each.id).map(({ id: file, name, type, size, endsAt }) =>
        ({ id: file, name, type, size, endsAt }));
      const lost = files.all.filter((each) => !each.id && !each.kept).map((each) => each.name);
      putAside({
        grant, draft: id, seen,
        letter: { ...typed, typed, text, quote, raw, uploads, lost, replyTo, forwarded: passed, label },
      });
    } else if (id) rememberOpen(grant, id);
  }

  async function discard() {
    await moving;
    const isEmpty = !body.value.trim() && !files.all.length && saver.revision === 0 && !saver.id;
    if (!isEmpty && !(await confirmed(
      t("compose.discard.title"), t("compose.discard.text"), t("compose.discard"), t("cancel"),
    ))) return;
    files.stop();
    await saver.settled();
    away();
    if (saver.id) {
      await remove(`${address()}/drafts/${saver.id}`).catch((error) => error.status === 404 || how.explain(error));
      toast(t("draft.discarded"));
    }
    how.changed();
  }

  function warn(event) {
    // What is too large, or waits for another request, may not leave with the page.
    const isLate = saver.isDirty &&
      (saver.running || JSON.stringify(content()).length >= OUTLIVES_LENGTH);
    if (saver.failures || saver.hasNewFiles || files.areArriving || isBusy || isMoving || isLate) event.preventDefault();
  }

  const isAtRest = () => !isBusy && !isMoving && !saver.isElsewhere;

  function hidden() {
    if (document.visibilityState === "hidden" && isAtRest()) saver.save();
  }

  function left() {
    if (isAtRest()) saver.leave();
  }

  // ── Sending ──

  const ready = (sendAt) =>
    recipientsOf(fields(), { files, subject: subject.value, sendAt, tofield: to });

  function busy(is) {
    isBusy = is;
    panel.classList.toggle("busy", is);
    form.inert = is;
    send.lastChild.textContent = t(is ? "compose.sending" : "compose.send");
  }

  // Which version is sent is not for this page to say.
  function asksToChoose() {
    if (!saver.isElsewhere) return false;
    toast(t("draft.choose_first"), { kind: "error" });
    notice.querySelector("button")?.focus();
    return true;
  }

  async function submit(sendAt = 0) {
    if (isBusy || asksToChoose()) return;
    if (isMoving) {
      busy(true);
      await moving;
      busy(false);
      if (!isShown) return;
    }
    const all = await ready(sendAt);
    if (!all || isBusy) return;
    busy(true);
    try {
      await saver.settled();
      const { id } = saver;
      const isSaved = Boolean(id) && (await saver.save({ toSend: true }));
      if (id && !saver.id) {
        // It may have been sent elsewhere: its author decides.
        busy(false);
        saver.resume();
        toast(t("draft.gone"), { kind: "error" });
        return;
      }
      const isDraft = isSaved && !sendAt && !session.undo_seconds && !files.uploads.length;
      if (saver.isElsewhere || (!isDraft && !(await sending.isSure(await request(all, sendAt))))) {
        busy(false);
        asksToChoose();
        return;
      }
      const answer = isDraft ? await sending.sendDraft() : await sending.sendMessage(await request(all, sendAt));
      busy(false);
      away();
      await sending.sent(answer.data, { grant, people: all, subject: subject.value, wasDraft: isDraft });
    } catch (error) {
      busy(false);
      if (isShown) saver.resume();
      how.explain(error);
    }
  }

  async function request(all, sendAt) {
    return {
      ...all, subject: subject.value, body: html(),
      ...origin(), ...from.senderAt(grant),
      ...(sendAt ? { send_at: sendAt } : {}),
      attachments: [
        ...(await files.encoded()),
        ...files.uploads.map((each) => ({ id: each.id, filename: each.name })),
      ],
    };
  }

  // ── What is seen ──

  const picker = h("input", { type: "file", multiple: true, class: "hidden", tabIndex: -1, "aria-hidden": "true" });
  picker.addEventListener("change", () => (files.add([...picker.files]), (picker.value = "")));
  const hasCopies = Boolean(begun.cc || begun.bcc);
  const copies = h("div", { hidden: !hasCopies }, field(t("compose.cc"), cc), field(t("compose.bcc"), bcc));
  const send = h("button", { type: "submit", class: "button primary" }, icon("sent"), h("span", {}, t("compose.send")));
  const hint = letter.raw ? t("compose.formatted") : letter.quote ? t("compose.quoted") : "";
  const form = h("form", { onsubmit: (event) => (event.preventDefault(), submit()) },
    h("div", { class: "composer-fields" },
      from.element,
      h("div", { class: "beside-more" }, field(t("compose.to"), to, t("compose.addresses_hint")),
        !hasCopies && button(t("compose.more"), (event) => {
          copies.hidden = false;
          event.currentTarget.remove();
          cc.focus();
        }, { kind: "quiet small" })),
      copies,
      field(t("compose.subject"), subject),
      h("div", { class: "text" }, field(t("compose.body"), body, hint)),
      files.list, picker),
    h("div", { class: "actions start composer-actions" },
      h("div", { class: "pair" }, send,
        button(t("later.title"), async () => {
          if (isBusy || asksToChoose() || !(await ready(0))) return;
          const time = await chosenTime();
          if (time) await submit(time);
        }, { symbol: "clock", only: true, kind: "primary", "aria-haspopup": "dialog" })),
      button(t("compose.attach"), () => picker.click(), { symbol: "clip", only: true, kind: "quiet" }),
      button(t("compose.discard"), discard, { symbol: "trash", only: true, kind: "quiet danger end" })));
  const panel = h("dialog", { class: "composer", "aria-labelledby": "compose-title" },
    h("div", { class: "composer-head" }, h("h2", { id: "compose-title" }, letter.label), state,
      button(t("compose.close"), close, { symbol: "close", only: true, kind: "quiet" })),
    notice, form);
  panel.addEventListener("dragover", (event) => (event.preventDefault(), panel.classList.add("dropping")));
  panel.addEventListener("dragleave", () => panel.classList.remove("dropping"));
  panel.addEventListener("drop", (event) => {
    event.preventDefault();
    panel.classList.remove("dropping");
    files.add([...event.dataTransfer.files]);
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  });

  if (letter.draft) {
    saver.open(letter.draft);
    rememberOpen(grant, saver.id);
  }
  addEventListener("beforeunload", warn);
  document.addEventListener("visibilitychange", hidden);
  addEventListener("pagehide", left);
  const opener = document.activeElement.id;
  document.body.append(panel);
  panel.show();
  files.restore(letter.kept, letter.uploads);
  if (letter.files.length) files.add(letter.files.map(([file]) => file), new Map(letter.files));
  if (letter.unsaved) {
    // Another program may have changed the draft since.
    if (letter.draft) saver.seen = letter.unsaved.seen;
    saver.touch();
    const lost = letter.unsaved.letter.lost.filter((name) => !letter.kept.some((file) => file.filename === name));
    if (lost.length) toast(t("compose.attach_again", { names: lost.join(", ") }), { kind: "error", stays: true });
  }
  (to.value ? body : to).focus();
  body.setSelectionRange(0, 0);
  return { close, putAside: aside };
}
