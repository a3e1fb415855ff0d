// What mail is marked with, several marks at once: the labels of a mailbox that has them, or else the
// categories, which are names beside the folder.

import { h } from "./dom.js";

// The marks of a message, {id, name} each, in the order of their names.
export function marksOf(message, { labels, folders }) {
  const found = labels
    ? folders.filter((folder) => isLabel(folder) && message.folders?.includes(folder.id))
    : (message.categories ?? []).map((name) => ({ id: name, name }));
  return byName(found);
}

// How a message stands once marks were added to it and taken away; `taken` says ids of marks.
export function marked(message, { added, taken }, { labels }) {
  const field = fieldOf({ labels });
  const before = message[field] ?? [];
  return { [field]: [...before.filter((id) => !taken.includes(id)), ...added.filter((id) => !before.includes(id))] };
}

export function chips(marks) {
  return marks.length > 0 && h("span", { class: "chips" }, marks.map(({ name }) => h("span", { class: "chip" }, name)));
}

export function isLabel(folder) {
  return folder.role === "";
}

export function byName(marks) {
  return [...marks].sort((one, other) => one.name.localeCompare(other.name));
}

// Where a message says how it is marked.
export function fieldOf({ labels }) {
  return labels ? "folders" : "categories";
}
