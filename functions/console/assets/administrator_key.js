// An API key makes whoever has it an administrator for some hours; they may be somebody with mailboxes, too.

import { post, Refused } from "./api.js";
import { field, fill, h } from "./dom.js";
import { t } from "./i18n.js";

// What is wrong with the key is said in `problem`, an element that is hidden until then.
export function keyForm({ problem, start, explain }) {
  const key = h("input", {
    type: "password",
    name: "api_key",
    autocomplete: "off",
    required: true,
    spellcheck: "false",
  });
  return h(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        problem.hidden = true;
        try {
          await post("/console/session", { api_key: key.value.trim() });
        } catch (error) {
          if (!(error instanceof Refused) || error.type === "offline") return explain(error);
          problem.textContent = error.status === 403 ? t("signin.key_other") : t("signin.key_wrong");
          problem.hidden = false;
          key.select();
          return undefined;
        }
        return start();
      },
    },
    field(t("signin.key"), key, t("signin.key_hint")),
    h("button", { type: "submit", class: "button primary" }, t("signin.submit")),
  );
}

// In the place of the administrator's pages, for somebody who is signed in with a mailbox alone.
export function show(main, { start, explain }) {
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  main.className = "alone";
  fill(
    main,
    h("h1", {}, t("nav.admin")),
    h("p", { role: "status" }, t("signin.key_needed")),
    problem,
    h("section", { class: "card" }, keyForm({ problem, start, explain })),
  );
}
