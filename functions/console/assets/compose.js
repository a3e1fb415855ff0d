// Which message is being written: one at a time, in a composer that stays while one reads on.

import { beginning } from "./beginnings.js";
import { showComposer } from "./composer.js";
import { forgetOpen, unfinished } from "./unfinished.js";

let shown = null;
let openings = 0;

// `how`: {kind, grant, session, explain, changed, edit} and, for answers, {message, mailbox}; for
// drafts {draft}, its id.
export async function openComposer(how) {
  if (shown) {
    if (!(await shown.close())) return;
  }
  openings += 1;
  const mine = openings;
  try {
    const letter = await beginning(how);
    // Somebody may have signed out meanwhile, or asked for another one.
    if (mine === openings) shown = showComposer(letter, { ...how, open: openComposer, closed: () => (shown = null) });
  } catch (error) {
    forgetOpen();
    how.explain(error);
  }
}

// What was being written in one of these mailboxes when the page was loaded anew: {grant, draft}.
export function openBefore(mailboxes) {
  const { grant, draft } = unfinished();
  return draft && !shown && mailboxes.some((each) => each.id === grant) ? { grant, draft } : null;
}

// Saves and closes what is being written. Answers whether nothing is left open.
export async function closeComposer() {
  openings += 1;
  return !shown || shown.close();
}

// The session has ended: what is being written goes from the screen, and comes back with its writer.
export function putComposerAside() {
  openings += 1;
  shown?.putAside();
}
