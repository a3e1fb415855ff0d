// Which view the address asks for, and who is signed in.

import { get, Refused, remove, whenLessAllowed, whenSignedOut } from "./api.js";
import { closeComposer, putComposerAside } from "./compose.js";
import { button, closeDialogs, confirmed, fill, h, icon, toast } from "./dom.js";
import { has, t } from "./i18n.js";
import { moveInLists } from "./keys.js";
import { languageButton } from "./languages.js";
import { sentence } from "./sentences.js";
import { forgetUnfinished, unfinished } from "./unfinished.js";

const root = document.getElementById("app");
let session = null;
let view = { name: "", leave() {} };
let invitation = "";
let asks = 0;
let answered = 0; // no older answer says who is signed in

export function explain(error) {
  if (!(error instanceof Refused)) console.error(error);
  toast(sentence(error), { kind: "error" });
}

function isSignedIn(it) {
  return Boolean(it?.is_administrator || it?.is_person);
}

// Whoever asks first learns that the session has ended: this, or a call that is refused. Answers the
// newest that is known.
export async function reload() {
  const mine = ++asks;
  const now = await get("/console/session");
  if (mine <= answered) return session ?? now;
  const before = session;
  if (!isSignedIn(now)) goneOut();
  answered = mine;
  session = now;
  // A key ends before its person's session does.
  const isLess = before?.is_administrator && now.is_person && !now.is_administrator;
  if (isLess && view.name === "admin") route().catch(explain);
  return now;
}

function goneOut() {
  if (!isSignedIn(session)) return;
  putComposerAside();
  const asksKey = session.is_administrator;
  session = { ...session, is_administrator: false, is_person: false, mailboxes: [] };
  answered = asks;
  signIn("signed_out", asksKey);
  hideToasts();
}

// What they say may be for one person alone.
function hideToasts() {
  document.getElementById("toasts").replaceChildren();
}

export function go(address) {
  if (location.hash === address) return route();
  location.hash = address;
  return undefined;
}

async function signOut() {
  // Nobody who comes to this browser next is to see it.
  if (!(await closeComposer()) || !(await mayLeave())) return undefined;
  const before = session;
  session = null;
  answered = asks;
  try {
    await remove("/console/session");
  } catch (error) {
    session = before;
    return explain(error);
  }
  forgetUnfinished();
  hideToasts();
  history.replaceState(null, "", "/console");
  return start();
}

// Past the page's head; past the folders, too, where there is a list of conversations. The address
// says which view is shown, so it is not for this.
function skip(event) {
  event.preventDefault();
  const main = document.getElementById("main");
  (main.querySelector("[data-part=open]") ?? main).focus();
}

function header(current) {
  const link = (name, address, label, symbol) =>
    h(
      "a",
      { href: address, class: "tab", title: label, ...(current === name ? { "aria-current": "page" } : {}) },
      icon(symbol),
      h("span", {}, label),
    );
  return h(
    "header",
    { class: "top" },
    h("a", { class: "skip", href: "#main", onclick: skip }, t("skip")),
    h("a", { class: "brand", href: "#/" }, h("span", { class: "mark" }, icon("unread")), "Postroom"),
    h(
      "nav",
      { "aria-label": t("nav.main") },
      session.mailboxes.length > 0 && link("mail", "#/mail", t("nav.mail"), "inbox"),
      session.is_person && link("mailboxes", "#/mailboxes", t("nav.mailboxes"), "plug"),
      session.is_administrator && link("admin", "#/admin", t("nav.admin"), "settings"),
    ),
    languageButton(),
    button(t("sign_out"), signOut, { kind: "quiet leave", symbol: "leave", title: t("sign_out") }),
  );
}

// Whether what was entered in a view and is not saved may be lost.
async function mayLeave() {
  if (!view.hasUnsaved?.()) return true;
  return confirmed(t("unsaved.title"), t("unsaved.text"), t("unsaved.leave"), t("cancel"));
}

async function goElsewhere({ oldURL, newURL }) {
  if (!session) return undefined;
  if (view.hasUnsaved?.()) {
    // Until that is known, the address is that of what is shown.
    history.replaceState(null, "", oldURL);
    closeDialogs();
    if (!(await mayLeave())) return undefined;
    history.replaceState(null, "", newURL);
  }
  return route();
}

function enter(name = "") {
  closeDialogs();
  view.leave();
  view = { name, leave() {} };
}

// Every view gets an element to fill. It answers what to do when it is left, and, if it can, how to
// go on to another address of its own, and whether it has something that is not saved.
async function show(name, load, ...what) {
  if (view.name === name && view.navigate) return view.navigate(...what);
  enter(name);
  const main = h("main", { id: "main", tabIndex: -1, class: `view-${name}` });
  fill(root, header(name), main);
  const mine = view;
  let shown;
  try {
    const module = await load();
    shown = await module.show(main, { session, go, explain, reload, start }, ...what);
  } catch (error) {
    if (view === mine) fail(main, error);
    return undefined;
  }
  const answer = typeof shown === "function" ? { leave: shown } : shown ?? {};
  // Somebody may have gone elsewhere meanwhile.
  if (view === mine) Object.assign(mine, answer);
  else answer.leave?.();
  return undefined;
}

// A view that cannot be shown leaves the head of the page, and ways on.
function fail(main, error) {
  console.error(error);
  const isAway = error instanceof Refused && (error.status === 0 || error.status >= 500);
  main.className = "alone";
  fill(
    main,
    h("h1", {}, t(isAway ? "error.title" : "error.view")),
    h("p", { role: "alert" }, sentence(error)),
    h(
      "div",
      { class: "actions start" },
      button(t("again"), () => route().catch(explain), { kind: "primary" }),
      !isAway && button(t("error.home"), () => go(`#/${home()}`)),
    ),
  );
}

async function signIn(reason = "", asksKey = false) {
  enter();
  const module = await import("./signin.js");
  module.show(root, { session, invitation, reason, asksKey, start, explain });
}

const ROUTES = {
  mail: () => show("mail", () => import("./mail.js"), ...path().slice(1)),
  mailboxes: () => show("mailboxes", () => import("./mailboxes.js"), ...path().slice(1)),
  admin: () => (session.is_administrator
    ? show("admin", () => import("./admin.js"), path()[1] ?? "providers")
    : show("key", () => import("./administrator_key.js"))),
};

function path() {
  const parts = location.hash.slice(2).split("/");
  try {
    return parts.map(decodeURIComponent);
  } catch {
    return [""]; // what is malformed leads home
  }
}

function home() {
  if (session.mailboxes.length) return "mail";
  return session.is_administrator ? "admin" : "mailboxes";
}

async function route() {
  closeDialogs();
  const [name, detail = ""] = path();
  if (name === "join" && detail) {
    // The link's secret stays out of the address from here on.
    invitation = detail;
    history.replaceState(null, "", "/console");
    return signIn();
  }
  const signedIn = isSignedIn(session);
  if (name === "refused") {
    history.replaceState(null, "", signedIn ? `/console#/${home()}` : "/console");
    if (!signedIn) return signIn(detail);
    toast(t(has(`refused.${detail}`) ? `refused.${detail}` : "refused.other"), { kind: "error" });
    return route();
  }
  if (!signedIn) return signIn();
  const allowed =
    name === "admin" ||
    (name === "mail" && session.mailboxes.length > 0) ||
    (name === "mailboxes" && session.is_person);
  return ROUTES[allowed ? name : home()]();
}

// Whoever was writing when the session ended comes back to that; another person does not see it.
function goOn() {
  const { grant } = unfinished();
  if (!grant || !session.is_person) return;
  if (!session.mailboxes.some((each) => each.id === grant)) forgetUnfinished();
  else if (["", "mail"].includes(path()[0]) && !path()[1]) history.replaceState(null, "", `/console#/mail/${grant}`);
}

async function start() {
  try {
    await reload();
    goOn();
    await route();
  } catch (error) {
    console.error(error);
    fill(
      root,
      h(
        "main",
        { class: "alone" },
        h("h1", {}, t("error.title")),
        h("p", {}, sentence(error)),
        button(t("again"), start, { kind: "primary" }),
      ),
    );
  }
}

whenSignedOut(goneOut);
whenLessAllowed(() => reload().catch(console.warn));
moveInLists();
addEventListener("hashchange", (event) => goElsewhere(event).catch(explain));
start();
