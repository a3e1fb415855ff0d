/** Folders: made, found, listed by level, changed and removed. */
import assert from 'node:assert/strict';
import { conforms, nylas, refusal, waitFor, world } from './judge.js';

const { grant: identifier } = world;
const { folders } = nylas;
await waitFor(async () => (await folders.list({ identifier })).data.length > 0);

const work = await folders.create({ identifier, requestBody: { name: 'Work' } });
conforms('Folder', work.data);
const invoices = await folders.create({
  identifier,
  requestBody: { name: 'Invoices', parentId: work.data.id },
});
conforms('Folder', invoices.data);
assert.equal(invoices.data.parentId, work.data.id);
const found = await folders.find({
  identifier,
  folderId: invoices.data.id,
  queryParams: { includeHiddenFolders: true },
});
conforms('Folder', found.data);
assert.equal(found.data.name, { google: 'Work/Invoices', microsoft: 'Invoices' }[world.provider]);
const part = await folders.find({
  identifier,
  folderId: invoices.data.id,
  queryParams: { select: 'id,name' },
});
assert.equal(part.data.id, invoices.data.id);
assert(!('totalCount' in part.data));

/** @param {import('nylas').ListFolderQueryParams} queryParams */
async function ids(queryParams) {
  const { data } = await folders.list({ identifier, queryParams });
  return data.map((each) => each.id);
}

const all = await folders.list({ identifier });
all.data.forEach((each) => conforms('Folder', each));
assert(all.data.some((each) => each.attributes?.includes('\\Inbox')));
assert.deepEqual(await ids({ parentId: work.data.id }), [invoices.data.id]);
const top = await ids({ singleLevel: true, includeHiddenFolders: true });
assert(top.includes(work.data.id));
assert(!top.includes(invoices.data.id));

// Page by page it is the same list, each folder once
const paged = [];
for await (const page of folders.list({ identifier, queryParams: { limit: 2 } })) {
  assert(page.data.length <= 2);
  paged.push(...page.data.map((each) => each.id));
}
assert.deepEqual(paged.sort(), (await ids({})).sort());

const renamed = await folders.update({
  identifier,
  folderId: work.data.id,
  requestBody: { name: 'Office' },
});
conforms('Folder', renamed.data);
assert.deepEqual([renamed.data.id, renamed.data.name], [work.data.id, 'Office']);
const taken = await refusal(folders.create({ identifier, requestBody: { name: 'Office' } }));
assert.deepEqual([taken.statusCode, taken.type], [400, 'provider_error']);
assert((await folders.destroy({ identifier, folderId: invoices.data.id })).requestId);
// Gmail forgets a label; Outlook's folder goes to the deleted items
const left = await folders.find({ identifier, folderId: invoices.data.id }).catch((error) => error);
if (world.provider === 'google') {
  assert.equal(left.statusCode, 404);
} else {
  const trash = all.data.find((each) => each.attributes?.includes('\\Trash'));
  assert.equal(left.data.parentId, trash?.id);
}
const gone = await refusal(folders.find({ identifier, folderId: 'none' }));
assert.deepEqual([gone.statusCode, gone.type], [404, 'not_found_error']);
