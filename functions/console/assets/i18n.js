// All strings stand in one file per language; the server gives this page the one that is asked for.

import strings from "./strings.js";

// Each by its own name, whatever language the page is in.
export const LANGUAGES = { en: "English", fr: "Français", pt: "Português", es: "Español" };
export const language = document.documentElement.lang;

// Dates and numbers as in the reader's country, where the browser says which one of the language.
export const locale = navigator.languages.find((each) => each.split("-")[0] === language) ?? language;

// Remembered for a year; the server reads it too, so that the page comes in this language at once.
export function choose(wanted) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `postroom_language=${wanted}; path=/; max-age=31536000; samesite=lax${secure}`;
  location.reload();
}

export function t(key, values = {}) {
  const text = strings[key];
  if (text === undefined) throw new Error(`no string for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function has(key) {
  return key in strings;
}

// "1 conversation", "2 conversations": `key.one` and `key.other`, as the language counts. Millions
// have a form of their own in some, which is the same as for many.
const rules = new Intl.PluralRules(language);
export function plural(key, count) {
  const form = rules.select(count) === "one" ? "one" : "other";
  return t(`${key}.${form}`, { count: number(count) });
}

const numbers = new Intl.NumberFormat(locale);
export function number(value) {
  return numbers.format(value);
}

const clock = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const year = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const whole = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" });

export function shortTime(seconds) {
  if (!seconds) return "";
  const at = new Date(seconds * 1000);
  const now = new Date();
  if (at.toDateString() === now.toDateString()) return clock.format(at);
  return (at.getFullYear() === now.getFullYear() ? day : year).format(at);
}

export function longTime(seconds) {
  return seconds ? whole.format(new Date(seconds * 1000)) : "";
}

const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
export function dateAndTime(seconds) {
  return seconds ? moment.format(new Date(seconds * 1000)) : "";
}

const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
export function ago(seconds) {
  const apart = seconds - Date.now() / 1000;
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(apart) >= size) return relative.format(Math.round(apart / size), unit);
  }
  return relative.format(0, "minute");
}
