// The pages of a list, which are asked for again while mail comes, goes and moves.
//
//     loaded   a  b  c │ d  e  f │ …cursor        what was loaded page by page
//     fresh    N  d' a │ …next                    N is new, d has moved to the top, b was deleted
//     merged   N  d' a   c  e  f │ …cursor        a has not moved: what was below it still is

const LARGEST_PAGE = 200; // of the API

const placed = ({ message_ids: messages, draft_ids: drafts, folders }) => JSON.stringify([messages, drafts, folders]);

// Answers [threads, cursor], or nothing where no thread tells how the two belong together: then
// there may be others between them. `next` is where what is fresh ends, `cursor` where what was loaded
// ended. What was deleted below the fresh ones is still among them.
export function merged(fresh, next, loaded, cursor) {
  if (!next || !loaded.length) return [fresh, next];
  const before = new Map(loaded.map((thread, place) => [thread.id, { thread, place }]));
  const anchor = fresh.findLast((thread) => {
    const known = before.get(thread.id);
    return known && placed(known.thread) === placed(thread);
  });
  if (!anchor) return null;
  const ids = new Set(fresh.map((thread) => thread.id));
  const older = loaded.slice(before.get(anchor.id).place + 1).filter((thread) => !ids.has(thread.id));
  return [[...fresh, ...older], older.length ? cursor : next];
}

// Reads on from a first page until there are `wanted` threads. Answers [threads, cursor], each once.
export async function readOn(first, next, wanted, fetchPage) {
  const found = new Map(first.map((thread) => [thread.id, thread]));
  let after = next;
  while (after && found.size < wanted) {
    const [more, further] = await fetchPage(after, Math.min(LARGEST_PAGE, wanted - found.size));
    // One that has moved up meanwhile was met already.
    for (const thread of more) if (!found.has(thread.id)) found.set(thread.id, thread);
    after = further;
  }
  return [[...found.values()], after];
}
