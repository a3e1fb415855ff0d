// What went wrong, in the reader's language: the server's own sentences are for programs and their makers.

import { Refused } from "./api.js";
import { has, t } from "./i18n.js";

export function sentence(error) {
  if (!(error instanceof Refused)) return t("error.unexpected");
  const { type, field, said } = error;
  // "to.0.email" is about "to", "settings.tenant" about itself.
  for (const part of [field, field.split(".")[0]]) {
    if (has(`field.${part}`)) return t(`field.${part}`);
  }
  if (type === "provider_error" && said) return t("error.provider_said", { said });
  if (has(`error.${type}`)) return t(`error.${type}`);
  return t(has(`refused.${type}`) ? `refused.${type}` : "error.unexpected");
}

// Why a send that waited did not leave, or is not known to have; its `status` is the API's.
export function reasonOf({ error_type: type, description }) {
  if (type === "provider_error") return t("error.provider_said", { said: description });
  return t(has(`unsent.${type}`) ? `unsent.${type}` : "unsent.unexpected");
}
