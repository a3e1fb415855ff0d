// Who uses the console, and who is invited to.

import { get, post, remove } from "./api.js";
import { button, field, fill, h } from "./dom.js";
import { longTime, t } from "./i18n.js";
import { formDialog, shownOnce, table } from "./tables.js";

export async function show(place, { explain, session }) {
  let [people, invitations] = await Promise.all([get("/v3/people"), get("/v3/invitations")]);

  function create() {
    const kind = h(
      "select", {},
      ["address", "domain", "link"].map((each) => h("option", { value: each }, t(`people.kind.${each}`))),
    );
    const value = h("input", { type: "text", required: true, maxlength: "320" });
    const valueField = field(t("people.value.address"), value);
    kind.addEventListener("change", () => {
      valueField.querySelector("label").textContent = t(`people.value.${kind.value}`);
      value.required = kind.value !== "link";
    });
    formDialog(
      t("people.invite"),
      [field(t("people.kind"), kind), valueField],
      async () => {
        const made = await post("/v3/invitations", { kind: kind.value, value: value.value });
        invitations = await get("/v3/invitations");
        paint();
        if (made.url) shownOnce(t("people.link_title"), t("people.link_text"), made.url);
      },
      explain,
      t("people.invite"),
    );
  }

  const invite = button(t("people.invite"), create, { kind: "primary" });

  async function withdraw(invitation) {
    try {
      await remove(`/v3/invitations/${invitation.id}`);
      invitations = invitations.filter((each) => each.id !== invitation.id);
      paint();
    } catch (error) {
      explain(error);
    }
  }

  function paint() {
    fill(
      place,
      h("h1", {}, t("admin.people")),
      people.length === 0
        ? h("p", { class: "muted empty" }, t("people.none"))
        : table(
            t("people.list"),
            [t("people.mailboxes"), t("people.since")],
            people.map((person) => [
              h("ul", { class: "plain" }, person.mailboxes.map((each) => h("li", {}, each.email))),
              longTime(person.since),
            ]),
          ),
      h("div", { class: "page-head" }, h("h2", {}, t("people.invitations")), invite),
      session.sign_up === "anyone" && h("p", { class: "notice" }, t("people.open")),
      table(
        t("people.invitations"),
        [t("people.invited"), t("people.invitation_kind"), t("keys.expires"), t("actions")],
        invitations.map((each) => [
          h("strong", {}, each.value || "–"),
          t(`people.kind.${each.kind}`),
          each.expires_at ? longTime(each.expires_at) : t("people.always"),
          button(t("people.withdraw"), () => withdraw(each), { kind: "small quiet danger" }),
        ]),
      ),
    );
  }

  paint();
}
