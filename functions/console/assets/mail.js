// A mailbox: folders, conversations, and reading one of them.

import { actionsFor, starsFor } from "./actions.js";
import { each, get, query, whenConsentIsGone } from "./api.js";
import { change } from "./changes.js";
import { openBefore, openComposer } from "./compose.js";
import { Conversation } from "./conversation.js";
import { button, fill, h, isFocusAt, toast } from "./dom.js";
import { arranged, folderWith, hasLabels } from "./folders.js";
import { FoldersSide } from "./folders_side.js";
import { plural, t } from "./i18n.js";
import { ListTools } from "./list_tools.js";
import { ListView } from "./list_view.js";
import { marked, marksOf } from "./marks.js";
import { row } from "./rows.js";
import { connect } from "./signin.js";
import { progress } from "./status.js";
import { OF_THREADS, ThreadList } from "./thread_list.js";
import { WaitingList } from "./waiting_list.js";

const POLL_MS = 8000;
const SESSION_POLL_MS = 60_000;

export async function show(main, { session, go, explain, reload }, ...address) {
  const box = { grant: "", folders: [], labels: false, folder: null };
  let mailbox = null;
  let asked = "";
  const threads = new ThreadList(() => repaint());
  let openId = "";
  let open = true;
  let timer = 0;
  let sessionAt = Date.now();
  let navigations = 0;
  let folderAsks = 0;
  let foldersShown = 0; // the newest ask of which the answer is shown
  let noticesShown = "";
  let isByDefault = false; // nobody asked for this folder
  let rowIndex = 0; // where in the list one was
  const selected = new Set();

  const waiting = new WaitingList({
    edit: (grant, draft) => compose({ kind: "draft", grant, draft }),
    look: () => look().catch(explain),
    refresh: () => refreshAll().catch(explain),
    explain,
  });
  const side = new FoldersSide({
    write: () => (menu(false), conversation.write()),
    switchTo: (grant) => go(`#/mail/${grant}`),
    left: () => menu(false),
  });
  const tools = new ListTools({
    menu: () => menu(!main.classList.contains("with-side")),
    look: () => look().catch(explain),
    search: (text) => go(text ? `#/mail/${box.grant}/search/${encodeURIComponent(text)}` : `#/mail/${box.grant}`),
    selectAll: () => (threads.threads.forEach((thread) => selected.add(thread.id)), repaint()),
    unselect: () => (selected.clear(), repaint()),
  });
  const notices = h("div", { class: "notices" });
  const list = new ListView(tools.element, notices);
  const reading = h("section", { class: "reading", "aria-label": t("mail.conversation") });
  fill(main, side.element, list.element, reading);
  const conversation = new Conversation(reading, {
    explain,
    act,
    compose,
    back: () => go(addressOf()),
    actionsFor: actionsHere,
    box,
    seen,
    gone,
  });

  // On a narrow page the folders lie above the list.
  function menu(isOpen) {
    main.classList.toggle("with-side", isOpen);
    tools.menu.setAttribute("aria-expanded", String(isOpen));
  }

  function escape(event) {
    if (event.key !== "Escape" || event.defaultPrevented || !main.classList.contains("with-side")) return;
    if (document.querySelector("dialog[open]")) return;
    menu(false);
    tools.menu.focus();
  }

  function compose(how) {
    const { grant } = box;
    const changed = () => refreshAll().catch(explain);
    const edit = (draft) => compose({ kind: "draft", grant, draft });
    return openComposer({ session, grant, explain, changed, edit, ...how });
  }

  function addressOf(thread = "") {
    const place = asked ? `search/${encodeURIComponent(asked)}` : encodeURIComponent(box.folder.id);
    return `#/mail/${box.grant}/${place}${thread && `/${thread}`}`;
  }

  // ── What is shown ──────────────────────────────────────────────────────────────────────────

  function paintSide() {
    side.show({
      grant: box.grant, folders: box.folders, current: asked ? "" : box.folder?.id,
      waiting: waiting.sends.length, mailboxes: session.mailboxes,
    });
  }

  function paintTools() {
    const chosen = () => threads.threads.filter((thread) => selected.has(thread.id));
    tools.show({
      count: chosen().length, isEmpty: !threads.threads.length,
      actions: () => [
        ...actionsHere(chosen, act),
        ...starsFor(chosen, (kind, those) => (selected.clear(), act(kind, those))),
      ],
    });
  }

  function paintNotices() {
    const dead = mailbox.grant_status === "invalid";
    const arriving = ["backfilling", "waiting"].includes(mailbox.sync.state);
    const title = asked ? t("mail.results", { query: asked }) : box.folder.name;
    // A button that is made again would lose the focus.
    const shape = JSON.stringify([title, dead, mailbox.id, arriving && mailbox.sync]);
    if (shape === noticesShown) return;
    noticesShown = shape;
    fill(
      notices,
      h("h1", { class: "folder-title" }, title),
      dead &&
        h("div", { class: "notice bad" }, h("p", {}, t("mail.reauth", { email: mailbox.email })),
          button(t("reconnect"), () => connect(mailbox.provider, mailbox).catch(explain), { kind: "primary" })),
      arriving && h("div", { class: "notice" }, h("p", {}, t("mail.arriving")), progress(mailbox.sync)),
    );
  }

  function repaint() {
    if (!open || !box.folder) return;
    paintTools();
    if (box.folder.role === "scheduled") return paintWaiting();
    const today = new Date().toDateString();
    const items = shownThreads().map((thread) => {
      const how = {
        own: mailbox.email,
        href: addressOf(thread.id),
        isOpen: thread.id === openId,
        isSelected: selected.has(thread.id),
        sent: box.folder.role === "sent" || box.folder.role === "drafts",
        marks: marksOf(thread, box).filter(({ id }) => id !== box.folder.id),
      };
      const make = () => row(thread, {
        ...how,
        select: (isChosen) => {
          selected[isChosen ? "add" : "delete"](thread.id);
          repaint();
        },
        star: () => act(thread.starred ? "unstar" : "star", [thread]),
      });
      return { id: thread.id, key: JSON.stringify([thread, how, today]), make };
    });
    list.show(items, below(items.length));
  }

  function below(count) {
    if (threads.isLoading) return [t("loading"), (text) => h("p", { class: "muted empty", role: "status" }, text)];
    if (threads.hasFailed) return [t("mail.list_failed"), failed];
    if (threads.cursor) return [t("load_more"), (text) => button(text, more, { kind: "wide" })];
    const text = asked ? t("mail.empty_search", { query: asked }) : t("mail.empty");
    return count ? ["", () => []] : [text, () => h("p", { class: "muted empty" }, text)];
  }

  function failed(text) {
    return h("div", { class: "notice bad", role: "alert" }, h("p", {}, text),
      button(t("again"), () => loadList().catch(explain), { kind: "small" }));
  }

  function shownThreads() {
    return box.folder.role === "drafts" ? waiting.withoutDrafts(threads.threads) : threads.threads;
  }

  function paintWaiting() {
    const items = waiting.items();
    const text = items.length ? "" : t("waiting.empty");
    list.show(items, [text, () => text && h("p", { class: "muted empty" }, text)]);
  }

  function actionsHere(chosen, run) {
    return actionsFor(chosen, box, { run, made: refreshFolders, explain });
  }

  // ── What is done ───────────────────────────────────────────────────────────────────────────

  // Shown at once; what did not work is shown again as it was.
  async function act(kind, chosen, more = {}) {
    // In a search, or among what is starred, mail stays in the list wherever it is.
    const goes = ["trash", "restore"].includes(kind) ||
      (["archive", "move"].includes(kind) && box.folder.asked.in) ||
      (box.labels && more.marks?.taken.includes(box.folder.id));
    const before = threads.threads;
    const shown = threads.number;
    const isHere = () => shown === threads.number;
    const where = { ...box, ...more };
    const ids = new Set(chosen.map((thread) => thread.id));
    rowIndex = Math.max(0, shownThreads().findIndex((thread) => ids.has(thread.id)));
    const flags = {
      read: { unread: false }, unread: { unread: true }, star: { starred: true }, unstar: { starred: false },
    }[kind];
    const after = (thread) => ({ ...thread, ...(kind === "label" ? marked(thread, more.marks, where) : flags) });
    const changed = (found) => {
      if (goes) return isHere() ? found.filter(({ id }) => !ids.has(id)) : found;
      return found.map((thread) => (ids.has(thread.id) ? after(thread) : thread));
    };
    threads.begin(changed);
    ids.forEach((id) => selected.delete(id));
    const leaves = openId && ids.has(openId) && (goes || kind === "unread");
    if (leaves) go(addressOf());
    else if (kind === "label") conversation.mark(ids, more.marks);
    else conversation.patch(ids, flags);
    repaint();
    if (goes && !leaves) goOnInList(tools.element);
    const taken = [];
    let done = 0;
    const failures = await each(chosen, async (thread) => {
      const { isChanged, undo } = await change(kind, thread, where);
      if (isChanged) done += 1;
      if (undo) taken.push(undo);
    });
    threads.end(changed);
    if (failures.length && isHere()) {
      threads.putBack(new Set(failures.map(([thread]) => thread.id)), before);
      repaint();
    }
    if (failures.length) {
      explain(failures[0][1]);
      toast(plural("mail.failed", failures.length), { kind: "error" });
    } else if (!done) {
      toast(t("mail.unchanged"));
    }
    if (done && !["star", "unstar"].includes(kind)) offerUndo(plural(`mail.done.${kind}`, done), taken);
    const isUnchanged = done + failures.length < chosen.length;
    // A search that is asked again loses what is selected.
    const isUntrue = isHere() && !failures.length ? isUnchanged : !asked;
    (isUntrue ? look() : refreshFolders()).catch(console.warn);
    if (kind === "label") refreshOpen(ids).catch(console.warn);
  }

  // What is opened is read from then on: a change like any other, of which nothing is said.
  async function seen(thread) {
    const shows = (unread) => {
      conversation.patch(new Set([thread.id]), { unread });
      repaint();
    };
    const changed = (found) => found.map((each) => (each.id === thread.id ? { ...each, unread: false } : each));
    threads.begin(changed);
    shows(false);
    try {
      await change("read", thread, { grant: box.grant });
      threads.end(changed);
    } catch (error) {
      threads.end(changed);
      threads.patch(thread.id, { unread: true });
      shows(true);
      explain(error);
    }
  }

  // What could not be taken back can be tried again.
  function offerUndo(text, taken) {
    toast(text, {
      action: taken.length ? t("mail.undo") : "",
      onaction: async () => {
        const failures = await each(taken, (undo) => undo());
        if (failures.length) {
          explain(failures[0][1]);
          offerUndo(text, failures.map(([undo]) => undo));
        } else {
          toast(t("mail.undone"));
        }
        await look().then(() => refreshOpen()).catch(console.warn);
      },
    });
  }

  async function refreshOpen(ids = new Set([openId])) {
    if (open && openId && ids.has(openId)) await conversation.refresh();
  }

  async function refreshAll() {
    if (!open) return;
    await refreshWaiting();
    await look();
    if (open && openId && !threads.find(openId)) await conversation.refresh();
  }

  async function refreshWaiting() {
    if (!(await waiting.ask()) || !open) return;
    arrange();
    if (["scheduled", "drafts"].includes(box.folder?.role)) repaint();
  }

  function arrange() {
    box.folders = waiting.among(box.folders, box.folder?.role === "scheduled");
    paintSide();
  }

  // ── What is fetched ────────────────────────────────────────────────────────────────────────

  async function loadList() {
    selected.clear();
    paintNotices();
    await threads.load({ grant: box.grant, folder: box.folder, asked });
  }

  async function more() {
    const before = shownThreads().length;
    const from = document.activeElement;
    try {
      await threads.more();
      if (isFocusAt(from)) list.element.querySelectorAll("[data-part=open]")[before]?.focus();
    } catch (error) {
      explain(error);
    }
  }

  async function refreshFolders() {
    const { grant } = box;
    const mine = ++folderAsks;
    const found = await get(`/v3/grants/${grant}/folders`);
    if (!open || grant !== box.grant || mine < foldersShown) return;
    foldersShown = mine;
    box.labels = hasLabels(found);
    box.folders = arranged(found);
    box.folder = box.folders.find((each) => each.id === box.folder?.id) ?? box.folder;
    // A mailbox that was connected a moment ago has no folders yet.
    const inbox = folderWith(box.folders, "inbox");
    const isLate = isByDefault && inbox && box.folder && box.folder.id !== inbox.id;
    if (isLate) box.folder = inbox;
    arrange();
    if (isLate) loadList().catch(explain);
  }

  async function look() {
    if (asked) return loadList();
    const [isNew] = await Promise.all([threads.look(), refreshFolders()]);
    const now = open && isNew && threads.find(openId);
    if (now) await conversation.update(now);
    return undefined;
  }

  async function lookAtSession() {
    if (!open) return;
    sessionAt = Date.now();
    session = await reload();
    mailbox = session.mailboxes.find((each) => each.id === box.grant) ?? mailbox;
    if (open && box.folder) paintNotices();
  }

  async function poll() {
    if (!open) return;
    try {
      // Also when the rest fails: that may be why.
      const isUnsettled = ["backfilling", "waiting"].includes(mailbox.sync.state) || mailbox.grant_status === "invalid";
      if (!document.hidden && (isUnsettled || Date.now() - sessionAt > SESSION_POLL_MS)) await lookAtSession();
      if (!document.hidden && !asked && !threads.isLoading && box.folder && selected.size === 0) await look();
      if (!document.hidden && waiting.isDue()) refreshWaiting().catch(console.warn);
    } catch (error) {
      console.warn(error);
    }
    if (open) timer = setTimeout(poll, mailbox.sync.state === "synced" ? POLL_MS : 2500);
  }

  // ── Where one is ───────────────────────────────────────────────────────────────────────────

  async function navigate(grant = "", place = "", detail = "", last = "") {
    const mine = ++navigations;
    const chosen = session.mailboxes.find((each) => each.id === grant) ?? session.mailboxes[0];
    const query = place === "search" ? detail : "";
    const thread = place === "search" ? last : detail;
    if (chosen.id !== box.grant) {
      mailbox = chosen;
      Object.assign(box, { grant: chosen.id, folders: [], folder: null });
      openId = "";
      waiting.of(chosen.id);
      threads.clear();
      selected.clear();
      list.clear();
      conversation.close();
    }
    if (!box.folders.length) {
      if (place === "scheduled") await refreshWaiting();
      await refreshFolders();
      // Somebody has gone on to another mailbox meanwhile.
      if (mine !== navigations || !open) return;
    }
    const inbox = folderWith(box.folders, "inbox") ?? box.folders[0];
    const folder = query
      ? { ...box.folders.find((each) => each.role === "all"), id: "search", role: "all", asked: {}, name: "" }
      : box.folders.find((each) => each.id === place) ?? inbox;
    const sameList = folder.id === box.folder?.id && query === asked;
    box.folder = folder;
    isByDefault = !place;
    if (query !== asked || !sameList) tools.search.value = query;
    asked = query;
    if (!sameList) {
      paintSide();
      await Promise.all([loadList(), openThread(thread)]);
    } else {
      await openThread(thread);
    }
  }

  // What had the focus is gone: it goes to where one was in the list.
  function goOnInList(...places) {
    const at = document.activeElement;
    if (at !== document.body && ![reading, ...places].some((place) => place.contains(at))) return;
    const links = list.element.querySelectorAll("[data-part=open]");
    (links[Math.min(rowIndex, links.length - 1)] ?? tools.search).focus();
  }

  async function openThread(id) {
    const isLeft = openId && !id;
    if (id) rowIndex = Math.max(0, shownThreads().findIndex((thread) => thread.id === id));
    openId = id;
    main.classList.toggle("is-reading", Boolean(id));
    repaint();
    if (!id) {
      conversation.close();
      if (isLeft) goOnInList();
      return undefined;
    }
    const known = threads.find(id) ?? (await read(id));
    if (!known) return gone({ id });
    if (openId === id && known.draft_ids?.length && !known.message_ids.length) {
      history.replaceState(null, "", addressOf());
      openId = "";
      main.classList.remove("is-reading");
      repaint();
      return compose({ kind: "draft", draft: known.draft_ids[0] });
    }
    if (openId === id) await conversation.open(box.grant, known, mailbox);
    return undefined;
  }

  async function read(id) {
    try {
      return await get(`/v3/grants/${box.grant}/threads/${id}${query({ select: OF_THREADS })}`);
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  // Another program has deleted it since the list was read.
  function gone({ id }) {
    threads.drop(new Set([id]));
    selected.delete(id);
    toast(t("mail.gone"));
    if (openId === id) go(addressOf());
    else repaint();
  }

  whenConsentIsGone(() => lookAtSession().catch(console.warn));
  await navigate(...address);
  const before = openBefore(session.mailboxes);
  if (before) compose({ kind: "draft", ...before });
  timer = setTimeout(poll, 2500);
  document.addEventListener("keydown", escape);
  return {
    navigate,
    leave: () => {
      open = false;
      clearTimeout(timer);
      document.removeEventListener("keydown", escape);
    },
  };
}
