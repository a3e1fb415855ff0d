// One conversation in a list.

import { button, h, icon } from "./dom.js";
import { longTime, shortTime, t } from "./i18n.js";
import { chips } from "./marks.js";

function who(thread, { own, sent }) {
  const isOther = (person) => person.email.toLowerCase() !== own.toLowerCase();
  const newest = thread.latest_draft_or_message;
  const authors = !sent && newest ? newest.from.filter(isOther) : [];
  const isAlone = authors.length > 0 && thread.message_ids.length === 1;
  const others = thread.participants.filter(
    (person) => isOther(person) && !authors.some((each) => each.email === person.email),
  );
  const shown = [...authors, ...(isAlone ? [] : others)];
  const names = shown.slice(0, 3).map((person) => firstName(person));
  if (shown.length > 3) names.push("…");
  const text = names.join(", ") || t("mail.me");
  return sent ? t("mail.to", { names: text }) : text;
}

function firstName(person) {
  return person.name || person.email;
}

// A draft moves no conversation but in its own list.
function shownAt(thread, { sent }) {
  const written = Math.max(
    thread.latest_message_received_date ?? 0,
    thread.latest_message_sent_date ?? 0,
  );
  const isDated = written && !sent;
  return isDated ? written : Math.max(written, thread.latest_draft_or_message?.date ?? 0);
}

// A message that waits for its time. Of one that another program scheduled, only the time is known.
export function scheduledRow({ id, at, draft }, { cancel }) {
  const subject = draft ? draft.subject || t("mail.no_subject") : t("waiting.unknown");
  const people = draft?.metadata.to ?? draft?.to.map((each) => each.name || each.email).join(", ");
  return h("li", { class: "row scheduled", "data-id": id },
    h("div", {},
      h("time", { class: "who" }, longTime(at)),
      h("span", { class: "subject" }, subject),
      h("span", { class: "snippet" }, people && t("mail.to", { names: people }))),
    button(t("waiting.cancel"), cancel, { kind: "small", "data-part": "cancel", "aria-label": t("waiting.cancel_label", { subject }) }));
}

export function row(thread, { href, isOpen, isSelected, marks, select, star, ...how }) {
  const subject = thread.subject || t("mail.no_subject");
  const count = thread.message_ids.length;
  const at = shownAt(thread, how);
  return h(
    "li",
    {
      class: `row ${thread.unread ? "unread" : ""} ${isSelected ? "selected" : ""} ${isOpen ? "open" : ""}`,
      "data-id": thread.id,
    },
    h("label", { class: "pick" },
      h("input", {
        type: "checkbox",
        checked: isSelected,
        "data-part": "select",
        "aria-label": t("mail.select", { subject }),
        onchange: (event) => select(event.currentTarget.checked),
      })),
    h(
      "a",
      { href, "data-part": "open", ...(isOpen ? { "aria-current": "true" } : {}) },
      thread.unread && h("span", { class: "hidden" }, `${t("mail.unread")}: `),
      h("span", { class: "who" }, who(thread, how),
        count > 1 && h("span", { class: "number" }, String(count)),
        thread.has_drafts && h("span", { class: "draft" }, t("mail.draft"))),
      h("time", { title: longTime(at) }, shortTime(at)),
      h("span", { class: "subject" }, subject),
      h("span", { class: "snippet" }, chips(marks), thread.snippet),
      thread.has_attachments &&
        h("span", { class: "has-file" }, icon("clip"), h("span", { class: "hidden" }, t("mail.has_attachment"))),
    ),
    h(
      "button",
      {
        type: "button",
        class: `star ${thread.starred ? "on" : ""}`,
        "data-part": "star",
        "aria-pressed": String(thread.starred),
        "aria-label": `${t(thread.starred ? "mail.unstar" : "mail.star")}: ${subject}`,
        title: t(thread.starred ? "mail.unstar" : "mail.star"),
        onclick: star,
      },
      icon("star"),
    ),
  );
}
