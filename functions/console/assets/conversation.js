// Reading a conversation: its messages in their order, the newest and unread ones unfolded.

import { get, page, query, Refused } from "./api.js";
import { messagesOf } from "./changes.js";
import { bytes, button, fill, h, icon, isFocusAt } from "./dom.js";
import { dateAndTime, longTime, plural, shortTime, t } from "./i18n.js";
import { chips, marked, marksOf } from "./marks.js";
import { ownerOf } from "./own_addresses.js";
import { sentence } from "./sentences.js";
import { isParked } from "./waiting.js";

const FIELDS =
  "id,thread_id,subject,from,to,cc,bcc,reply_to,date,unread,starred,snippet,folders,categories,attachments";
const OF_DRAFTS = "id,to,date,snippet,metadata";

export class Conversation {
  constructor(place, tools) {
    this.place = place;
    this.tools = tools;
    this.thread = null;
    this.messages = [];
    this.drafts = [];
    this.unfolded = new Set();
    this.asks = 0;
    this.answered = 0; // the newest ask of which the answer is shown
    this.askedAs = ""; // what was known of it when it was asked for
    this.close();
  }

  close() {
    this.thread = null;
    fill(this.place, h("p", { class: "muted empty choose" }, icon("unread"), t("mail.choose")));
  }

  async open(grant, thread, mailbox) {
    Object.assign(this, { grant, thread, mailbox, messages: [], drafts: [], bodies: new Map(), askedAs: "" });
    this.unfolded = new Set();
    this.place.scrollTop = 0;
    await this.begin();
  }

  begin() {
    const from = document.activeElement;
    this.failure = "";
    fill(this.place, this.head(), h("p", { class: "muted empty", role: "status" }, t("loading")));
    return this.load(from);
  }

  // What cannot be had is said in its place, until its button or the next look at the list gets it.
  // It takes the focus over if that is still where it was, at `from`.
  async load(from) {
    const { thread } = this;
    const isShown = () => this.thread?.id === thread.id;
    try {
      await this.refresh();
    } catch (error) {
      if (!(error instanceof Refused)) console.error(error);
      if (isShown()) this.fail(sentence(error));
    }
    const isElsewhere = !this.place.contains(document.activeElement);
    if (from && isElsewhere && isFocusAt(from)) this.place.querySelector("h2")?.focus({ preventScroll: true });
    if (thread.unread && isShown() && !this.failure) await this.tools.seen(thread);
  }

  fail(failure) {
    // Who is about to press the button keeps it.
    if (failure === this.failure) return;
    this.failure = failure;
    fill(this.place, this.head(),
      h("div", { class: "notice bad", role: "alert" }, h("p", {}, failure),
        button(t("again"), () => this.begin(), { kind: "small", symbol: "refresh" })));
  }

  async refresh() {
    const { thread } = this;
    if (!thread) return undefined;
    const mine = ++this.asks;
    this.askedAs = this.known();
    const isLate = () => this.thread?.id !== thread.id || mine < this.answered;
    let answers;
    try {
      answers = await Promise.all([
        ownerOf(this.mailbox),
        messagesOf(this.grant, thread.id, FIELDS),
        this.hasDrafts() ? page(`/v3/grants/${this.grant}/drafts${query({ thread_id: thread.id, select: OF_DRAFTS })}`) : { data: [] },
      ]);
    } catch (error) {
      if (isLate()) return undefined;
      if (mine === this.asks) this.askedAs = "";
      throw error;
    }
    if (isLate()) return undefined;
    const [isOwn, found, drafts] = answers;
    Object.assign(this, { isOwn, failure: "", answered: mine });
    // Of these it paints nothing, or the head alone.
    const apart = { folders: 0, categories: 0, unread: 0, starred: 0 };
    const shape = () => JSON.stringify([this.messages.map((each) => ({ ...each, ...apart })), this.drafts]);
    const before = shape();
    this.drafts = drafts.data.filter((draft) => !isParked(draft));
    this.messages = found.sort((one, other) => one.date - other.date);
    if (!this.messages.length && !drafts.data.length) {
      this.close();
      return this.tools.gone(thread);
    }
    // Frames that are put in their place again load again.
    if (this.messages.length && shape() === before) return this.repaintHead();
    const newest = this.messages.at(-1);
    this.messages.filter((each) => each.unread || each === newest).forEach((each) => this.unfolded.add(each.id));
    return this.paint();
  }

  // The list has news of this conversation.
  async update(thread) {
    if (this.thread?.id !== thread.id) return;
    this.thread = { ...this.thread, ...thread };
    if (this.failure) await this.load(this.place.contains(document.activeElement) && document.activeElement);
    else if (this.known() !== this.askedAs) await this.refresh();
  }

  // What a list knows of it, as far as it is shown here.
  known() {
    const { message_ids: messages, draft_ids: drafts, snippet } = this.thread;
    return JSON.stringify([messages.length, drafts, drafts?.length ? snippet : "", marksOf(this.thread, this.tools.box)]);
  }

  hasDrafts() {
    return this.thread.draft_ids?.length > 0;
  }

  patch(ids, flags) {
    if (!this.thread || !ids.has(this.thread.id) || !flags) return;
    this.thread = { ...this.thread, ...flags };
    this.repaintHead();
  }

  mark(ids, marks) {
    if (!this.thread || !ids.has(this.thread.id)) return;
    const box = this.tools.box;
    this.messages = this.messages.map((message) => ({ ...message, ...marked(message, marks, box) }));
    this.repaintHead();
  }

  repaintHead() {
    this.keepingFocus(() => this.place.querySelector(".conversation-head")?.replaceWith(this.head()));
  }

  keepingFocus(paint) {
    const focused = this.place.contains(document.activeElement) ? document.activeElement.id : "";
    const at = this.buttons().indexOf(document.activeElement);
    paint();
    const again = focused ? document.getElementById(focused) : this.buttons()[at];
    again?.focus({ preventScroll: true });
  }

  // Of all its messages, each once; of the thread as long as they are not here.
  marks() {
    const all = (this.messages.length ? this.messages : [this.thread]).flatMap((each) => marksOf(each, this.tools.box));
    return [...new Map(all.map((mark) => [mark.id, mark])).values()];
  }

  buttons() {
    return [...this.place.querySelectorAll(".conversation-head button")];
  }

  write() {
    this.tools.compose({ kind: "new" });
  }

  head() {
    const { thread } = this;
    const star = thread.starred ? "unstar" : "star";
    return h(
      "header",
      { class: "conversation-head" },
      h("div", { class: "actions" },
        button(t("mail.back"), this.tools.back, { symbol: "back", only: true, kind: "quiet back" }),
        this.tools.actionsFor(() => [this.thread], this.tools.act),
        button(t(`mail.${star}`), () => this.tools.act(star, [this.thread]), {
          symbol: "star", only: true, kind: `quiet ${thread.starred ? "starred" : ""}`,
          "aria-pressed": String(thread.starred),
        })),
      h("h2", { tabIndex: -1, id: "subject" }, thread.subject || t("mail.no_subject")),
      chips(this.marks()),
      this.messages.length > 1 && h("p", { class: "muted small" }, plural("mail.messages", this.messages.length)),
    );
  }

  paint() {
    this.keepingFocus(() => fill(
      this.place,
      this.head(),
      h("ol", { class: "messages" }, this.messages.map((message) => this.message(message)),
        this.drafts.map((draft) => this.draft(draft))),
      this.messages.length > 0 && this.answers(this.messages.at(-1)),
    ));
  }

  // The newest one's stand below the conversation. Each other one that is unfolded has its own, small ones;
  // who only hears them learns which message they answer.
  answers(message) {
    const isNewest = message === this.messages.at(-1);
    const others = [...message.to, ...message.cc].filter((each) => !this.isOwn(each));
    const kinds = ["reply", others.length > 0 && "reply_all", "forward"].filter(Boolean);
    const symbols = { reply: "reply", reply_all: "replyAll", forward: "forward" };
    const name = message.from[0]?.name || message.from[0]?.email || "";
    return h("div", { class: `actions ${isNewest ? "start answers" : "own-answers"}` },
      kinds.map((kind) => {
        const label = t(`mail.${kind}`);
        const how = isNewest ? { kind: kind === "reply" ? "primary" : "" } : {
          only: true, kind: "quiet small", title: label,
          "aria-label": t("mail.answer_one", { label, name, date: longTime(message.date) }),
        };
        return button(label, () => this.tools.compose({ kind, message, mailbox: this.mailbox }), {
          symbol: symbols[kind], id: `answer-${kind}${isNewest ? "" : `-${message.id}`}`, ...how,
        });
      }));
  }

  message(message) {
    const isOpen = this.unfolded.has(message.id);
    const from = message.from[0] ?? { name: "", email: "" };
    const body = h("div", { class: "message-body", id: `body-${message.id}` });
    const item = h("li", { class: `message ${isOpen ? "open" : ""}` },
      h("button", {
        type: "button",
        class: "message-head",
        id: `head-${message.id}`,
        "aria-expanded": String(isOpen),
        "aria-controls": body.id,
        onclick: () => {
          this.unfolded[isOpen ? "delete" : "add"](message.id);
          this.paint();
        },
      },
      h("span", { class: "face", "aria-hidden": "true" }, (from.name || from.email || "?").slice(0, 1).toUpperCase()),
      h("span", { class: "from" }, h("strong", {}, from.name || from.email),
        isOpen && from.name && h("span", { class: "muted small" }, ` ${from.email}`)),
      h("time", { class: "muted small", title: longTime(message.date) }, (isOpen ? dateAndTime : shortTime)(message.date)),
      h("span", { class: "muted small second" }, isOpen
        ? t("mail.to", { names: names([...message.to, ...message.cc]) })
        : message.snippet)),
      isOpen && message !== this.messages.at(-1) && this.answers(message),
      isOpen && body);
    if (isOpen) this.showBody(message, body);
    return item;
  }

  draft(draft) {
    return h("li", { class: "message" },
      h("div", { class: "message-head unsent" },
        h("span", { class: "face", "aria-hidden": "true" }, icon("draft")),
        h("strong", { class: "draft" }, t("mail.draft")),
        button(t("draft.edit"), () => this.tools.compose({ kind: "draft", draft: draft.id }), { kind: "small", symbol: "pen" }),
        h("span", { class: "muted small second" }, draft.snippet)));
  }

  async showBody(message, place) {
    // Another mailbox may be shown when the answer is here.
    const { grant, bodies } = this;
    const kept = bodies.get(message.id);
    if (kept) return fill(place, kept);
    const inside = h("div", { class: "body" }, h("p", { class: "muted", role: "status" }, t("loading")));
    const files = h("div");
    const parts = [addresses(message), inside, files];
    bodies.set(message.id, parts);
    fill(place, parts);
    // Until the text is here, nobody knows which of the files that may stand in it do.
    const mayBeShown = message.attachments.filter((file) => file.content_id).map((file) => file.id);
    offerFiles(files, grant, message, mayBeShown);
    try {
      const view = await get(`/v3/grants/${grant}/messages/${message.id}/view`);
      const offer = (shown) => offerFiles(files, grant, message, shown);
      offer(view.shown_attachment_ids);
      if (view.text) fill(inside, view.text.map(textPart));
      else fill(inside, this.framed(grant, message, view, offer));
    } catch (error) {
      if (!(error instanceof Refused)) console.error(error);
      bodies.delete(message.id);
      offerFiles(files, grant, message, []);
      const again = () => {
        document.getElementById(`head-${message.id}`)?.focus({ preventScroll: true });
        this.showBody(message, place);
      };
      fill(inside,
        h("div", { class: "notice bad", role: "alert" }, h("p", {}, sentence(error)),
          button(t("again"), again, { kind: "small", symbol: "refresh" })),
        h("p", { class: "muted" }, message.snippet));
    }
    return undefined;
  }

  // Nothing runs in it: neither the sandbox nor the document's own policy allows scripts. It has our
  // origin all the same, so that this page can measure it.
  framed(grant, message, view, offer) {
    const address = `/v3/grants/${grant}/messages/${message.id}/frame`;
    const frame = h("iframe", {
      sandbox: "allow-same-origin allow-popups allow-popups-to-escape-sandbox",
      referrerpolicy: "no-referrer",
      title: t("mail.body_frame", { name: message.from[0]?.name || message.from[0]?.email || "" }),
      src: address,
      onload: () => {
        asTallAsItsContent(frame);
        offer(shownIn(frame));
      },
    });
    frame.style.height = `${Math.max(110, view.height_hint)}px`;
    const notice = view.has_remote_pictures && h("div", { class: "notice pictures" },
      h("p", {}, t("mail.remote_pictures")),
      button(t("mail.show_pictures"), () => {
        frame.src = `${address}?remote_pictures=true`;
        notice.remove();
        frame.focus();
      }, { kind: "small" }));
    return [notice, frame];
  }
}

// Whom it is from and to, in full: its head has names, and cuts them off.
function addresses(message) {
  const kinds = [
    ["compose.from", message.from], ["compose.to", message.to], ["compose.cc", message.cc],
    ["compose.bcc", message.bcc], ["reading.reply_to", message.reply_to],
  ];
  return h("details", { class: "muted small" }, h("summary", {}, t("reading.addresses")),
    kinds.filter(([, people]) => people?.length).map(([kind, people]) =>
      h("p", { class: "breakable" }, `${t(kind)}: ${people.map(inFull).join(", ")}`)));
}

function inFull({ name, email }) {
  return name ? `${name} <${email}>` : email;
}

// The files of a message but those that its text shows, so that none is out of reach.
function offerFiles(place, grant, message, shown) {
  const files = message.attachments.filter((file) => !shown.includes(file.id));
  const key = files.map((file) => file.id).join(" ");
  if (place.dataset.files === key) return;
  place.dataset.files = key;
  fill(place, files.length > 0 && h("ul", { class: "files plain", "aria-label": t("mail.attachments") },
    files.map((file) => h("li", {}, h("a", {
      class: "file", download: file.filename, href: `/v3/grants/${grant}/attachments/${file.id}/download`,
      title: t("mail.download", { name: file.filename }),
    }, icon("clip"), h("span", { class: "breakable" }, file.filename || t("mail.attachments")),
    h("span", { class: "muted small" }, bytes(file.size)), icon("down"))))));
}

// Fewer than were announced, where the provider did not give a picture.
function shownIn(frame) {
  const named = frame.contentDocument?.querySelector("meta[name=shown-attachments]")?.content ?? "";
  return named.split(" ");
}

// Pictures arrive, quotations unfold, the window becomes narrower: it follows.
function asTallAsItsContent(frame) {
  const inside = frame.contentDocument?.documentElement;
  if (!inside) return;
  const fit = () => {
    const height = Math.ceil(inside.getBoundingClientRect().height);
    // What is wider than the frame brings a bar at its foot.
    const bar = inside.scrollWidth > inside.clientWidth ? 17 : 0;
    frame.style.height = `${height + bar}px`;
  };
  new ResizeObserver(fit).observe(inside);
  fit();
}

function names(people) {
  return people.map((person) => person.name || person.email).join(", ");
}

function textPart(part) {
  if (!part.is_quoted) return h("p", { class: "plain-text" }, part.text);
  return h("details", { class: "quoted" }, h("summary", { "aria-label": t("mail.quoted"), title: t("mail.quoted") }, "•••"),
    h("p", { class: "plain-text" }, part.text));
}
