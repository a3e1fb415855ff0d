// What was being written when its page or its session ended. This window alone knows it, and no
// longer than the window is there; it is opened again in the mailbox that it is of.

const OPEN = "postroom.composing"; // "<grant> <draft>": the composer that is open
const UNSAVED = "postroom.unsaved"; // {grant, draft, seen, letter}: what no draft has

// The draft that stands for a message of which there is none.
export const NEVER_SAVED = "never-saved";

export function rememberOpen(grant, draft) {
  sessionStorage.setItem(OPEN, `${grant} ${draft}`);
}

export function forgetOpen() {
  sessionStorage.removeItem(OPEN);
}

function unsaved() {
  return JSON.parse(sessionStorage.getItem(UNSAVED) ?? "null");
}

export function putAside(what) {
  try {
    sessionStorage.setItem(UNSAVED, JSON.stringify(what));
  } catch {
    // Browsers keep some megabytes: what was quoted may be more, what was typed is not.
    const letter = { ...what.letter, quote: "", raw: "" };
    sessionStorage.setItem(UNSAVED, JSON.stringify({ ...what, letter }));
  }
}

export function unsavedOf(grant, draft) {
  const found = unsaved();
  return found?.grant === grant && (found.draft || NEVER_SAVED) === draft ? found : null;
}

export function forgetUnsaved() {
  sessionStorage.removeItem(UNSAVED);
}

// The mailbox to go on in, and the draft there.
export function unfinished() {
  const found = unsaved();
  if (found) return { grant: found.grant, draft: found.draft || NEVER_SAVED };
  const [grant, draft = ""] = (sessionStorage.getItem(OPEN) ?? "").split(" ");
  return { grant, draft };
}

export function forgetUnfinished() {
  forgetOpen();
  forgetUnsaved();
}
