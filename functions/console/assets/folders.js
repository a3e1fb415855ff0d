// The folders of a mailbox in the order in which people look for them.

import { t } from "./i18n.js";

const ROLES = [
  ["\\Inbox", "inbox", "inbox"],
  ["\\Flagged", "starred", "star"],
  ["\\Important", "important", "check"],
  ["\\Drafts", "drafts", "draft"],
  ["\\Sent", "sent", "sent"],
  ["\\Archive", "archive", "archive"],
  ["\\Junk", "spam", "spam"],
  ["\\Trash", "trash", "trash"],
];
const NEVER_SHOWN = /^(CATEGORY_\w+|CHAT|UNREAD|IMPORTANT)$/;

export function arranged(folders) {
  const known = [];
  for (const [attribute, role, symbol] of ROLES) {
    const folder = folders.find((each) => each.attributes.includes(attribute));
    if (role === "starred") {
      known.push({ id: "starred", role, symbol, name: t("folder.starred"), asked: { starred: true } });
    } else if (folder && role !== "important") {
      known.push({ ...folder, role, symbol, name: t(`folder.${role}`), asked: { in: folder.id } });
    }
  }
  // Where folders are labels, what is archived has none.
  if (hasLabels(folders)) {
    const place = known.findIndex((each) => each.role === "sent") + 1;
    known.splice(place, 0, { id: "all", role: "all", symbol: "archive", name: t("folder.all"), asked: {} });
  }
  const own = folders
    .filter((each) => !each.attributes.length && !NEVER_SHOWN.test(each.id))
    .map((each) => ({ ...each, role: "", symbol: "folder", asked: { in: each.id } }));
  own.sort((one, other) => one.name.localeCompare(other.name));
  return [...known, ...own];
}

// A mailbox without an archive keeps mail under labels, several at once; else a folder has it.
export function hasLabels(folders) {
  return !folders.some((each) => each.attributes.includes("\\Archive"));
}

export function folderWith(folders, role) {
  return folders.find((each) => each.role === role);
}
