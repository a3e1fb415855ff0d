// The buttons for what can be done to conversations where they are.

import { button, dialog, h } from "./dom.js";
import { t } from "./i18n.js";
import { chooseLabels } from "./labels.js";

// `chosen` answers the conversations: there may be others when a button is pressed than when it was
// made. `box` has the mailbox's folders and which of them is shown; `run(kind, those, more)` does it,
// `made` hears that there is another label.
export function actionsFor(chosen, box, { run, made, explain }) {
  const { role } = box.folder;
  const away = role === "trash" || role === "spam";
  const isAnyUnread = chosen().some((thread) => thread.unread);
  const isAnyRead = chosen().some((thread) => !thread.unread);
  const one = (kind, symbol, act) => button(t(`mail.${kind}`), () => act(chosen()), { symbol, only: true, kind: "quiet" });
  const simple = (kind, symbol) => one(kind, symbol, (those) => run(kind, those));
  const label = (those) =>
    chooseLabels(those, box, { explain, made, apply: (marks) => run("label", those, { marks }) }).catch(explain);
  return [
    away && simple("restore", "restore"),
    !away && !["archive", "drafts", "sent"].includes(role) && simple("archive", "archive"),
    role !== "trash" && simple("trash", "trash"),
    role !== "drafts" && one("move", "move", (those) => chooseFolder(box, (target) => run("move", those, { target }))),
    role !== "drafts" && one(box.labels ? "label" : "categories", "tag", label),
    isAnyUnread && one("mark_read", "read", (those) => run("read", those)),
    isAnyRead && one("mark_unread", "unread", (those) => run("unread", those)),
  ];
}

// A single conversation has a star of its own; several get one or lose it here.
export function starsFor(chosen, run) {
  const star = (kind, isStarred, look) => {
    const those = () => chosen().filter((thread) => thread.starred === isStarred);
    return those().length > 0 &&
      button(t(`mail.${kind}`), () => run(kind, those()), { symbol: "star", only: true, kind: `quiet ${look}` });
  };
  return [star("star", false, ""), star("unstar", true, "starred")];
}

function chooseFolder(box, chosen) {
  const targets = box.folders.filter(
    (folder) => folder.asked.in && folder.id !== box.folder.id &&
      !["sent", "drafts", "trash", "spam"].includes(folder.role),
  );
  const shown = dialog(
    t("mail.move_title"),
    h("ul", { class: "plain choices" }, targets.map((folder) =>
      h("li", {}, button(folder.name, () => (shown.close(), chosen(folder.id)), { kind: "quiet", symbol: folder.symbol })))),
    [button(t("cancel"), () => shown.close())],
  );
}
