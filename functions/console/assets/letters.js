// What is written: addresses and HTML made of plain text, and text found again in HTML.

import { longTime, t } from "./i18n.js";

// A comma inside a name in quotes, or inside angle brackets, divides nothing.
const PARTS = /(?:"(?:\\[^]|[^"\\])*"|<[^<>]*>|[^,;])+/g;

// Raises an Error that says which part is no address.
export function parsed(text) {
  const found = [];
  for (const part of text.match(PARTS) ?? []) {
    const one = part.trim();
    if (!one) continue;
    const [, name = "", email] = one.match(/^(?:(.*?)\s*<)?([^<>\s]+@[^<>\s]+)>?$/) ?? [];
    if (!email) throw new Error(one);
    found.push({ email, ...(name ? { name: unquoted(name) } : {}) });
  }
  return found;
}

// Somebody is still writing: what is no address yet is left out.
export function parsedSoFar(text) {
  return inParts(text).people;
}

// What is no address yet, as it was typed.
export function unparsed(text) {
  return inParts(text).others.join(", ");
}

function inParts(text) {
  const [people, others] = [[], []];
  for (const part of text.match(PARTS) ?? []) {
    try {
      people.push(...parsed(part));
    } catch {
      others.push(part.trim());
    }
  }
  return { people, others };
}

// Whoever sends a mail chooses its names: none of them may read as an address.
export function written(people) {
  return people.map(({ name, email }) => {
    const inOneLine = (name ?? "").replace(/[\s\p{Cc}]+/gu, " ").trim();
    if (inOneLine) return `${/[,;"\\<>@]/.test(inOneLine) ? inQuotes(inOneLine) : inOneLine} <${email}>`;
    return /[,;]/.test(email) ? `<${email}>` : email;
  }).join(", ");
}

function inQuotes(name) {
  return `"${name.replace(/["\\]/g, "\\$&")}"`;
}

function unquoted(name) {
  const [, inside] = name.match(/^"((?:\\.|[^"\\])*)"$/) ?? [];
  return inside === undefined ? name : inside.replace(/\\(.)/g, "$1");
}

export function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

export function lines(text) {
  // Browsers show no space at either end, and not two of them.
  const shown = (line) => escaped(line).replace(/^ | (?= )| $/g, "&nbsp;");
  return text.split("\n").map((line) => (/[\t\u00a0]/.test(line)
    ? `<div style="${AS_TYPED}">${escaped(line).replaceAll("\u00a0", "&nbsp;")}</div>`
    : `<div>${shown(line) || "<br>"}</div>`)).join("");
}

// A line that spaces alone cannot show as it was typed.
const AS_TYPED = "white-space:pre-wrap";
const TYPED_LINE = /<div style="white-space: ?pre-wrap;?">([^<]*)<\/div>/gi;
const TYPED_NBSP = "\u0001"; // no HTML has it

function typedLine(_, line) {
  return `<div>${line.replace(/&nbsp;|&#160;|&#xa0;|\u00a0/gi, TYPED_NBSP).replaceAll("\t", "&#9;").replaceAll(" ", "&#32;")}</div>`;
}

const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", "#160": " ", "#xa0": " " };

function unescaped(text) {
  return text.replace(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (whole, name) => {
    const known = NAMED[name.toLowerCase()];
    if (known) return known;
    const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
    return name[0] === "#" && code > 0 && code < 0x110000 ? String.fromCodePoint(code) : whole;
  });
}

// The page parses no HTML (trusted types): this finds what was written here again, and reads the
// text of all else. `isPlain`: nothing is lost when the text takes the HTML's place.
export function read(html) {
  const body = html.replace(/^[\s\S]*?<body[^>]*>/i, "").replace(/<\/body>[\s\S]*$/i, "");
  const at = body.search(/(<br\s*\/?>\s*)?<div[^>]*class="?gmail_quote/i);
  const quote = at < 0 ? "" : body.slice(at);
  const own = (at < 0 ? body : body.slice(0, at)).replace(TYPED_LINE, typedLine);
  const isPlain = !/<(?!\/?(div|p|br|html|head|meta)\b)[a-z]/i.test(own) && !/<(div|p)\s[^>]*style/i.test(own);
  const text = own.trimStart()
    .replace(/<(style|script|title)[\s\S]*?<\/\1>/gi, "")
    .replace(/[\t\r\n ]+/g, " ")
    .replace(/ *<div[^>]*> *<br[^>]*> *<\/div> */gi, "\n")
    .replace(/ *<br[^>]*> */gi, "\n")
    .replace(/ *<\/(div|p|li|tr|h\d|blockquote)> */gi, "\n")
    .replace(/<[^>]+>/g, "");
  const found = unescaped(text).replace(/\n$/, "").replaceAll("\u00a0", " ");
  return { text: found.replaceAll(TYPED_NBSP, "\u00a0"), quote, isPlain };
}

export function wordsOf(html) {
  return unescaped(html.replace(/<(style|title)[\s\S]*?<\/\1>/gi, "").replace(/<[^>]*>/g, " "))
    .replace(/\s+/g, " ").trim();
}

// An answer carries none of the pictures that it quotes.
function withoutInlinePictures(html) {
  return html.replace(/(<img\b[^>]*?) src="cid:[^"]*"/gi, "$1");
}

export function quoted(message, original) {
  const from = message.from[0] ?? { name: "", email: "" };
  const wrote = t("compose.wrote", { date: longTime(message.date), name: from.name || from.email });
  return `<br><div class="gmail_quote"><div class="gmail_attr">${escaped(wrote)}</div>` +
    `<blockquote class="gmail_quote" style="margin:0 0 0 0.8ex;border-left:1px solid #ccc;padding-left:1ex">` +
    `${withoutInlinePictures(original)}</blockquote></div>`;
}

export function forwarded(message, original) {
  const rows = [
    [t("mail.from"), written(message.from)], [t("mail.date"), longTime(message.date)],
    [t("compose.subject"), message.subject], [t("compose.to"), written(message.to)],
    [t("compose.cc"), written(message.cc)],
  ].filter(([, value]) => value);
  const head = rows.map(([name, value]) => `<div><b>${escaped(name)}:</b> ${escaped(value)}</div>`).join("");
  return `<br><div class="gmail_quote"><div class="gmail_attr">---------- ${escaped(t("compose.forward"))} ----------` +
    `</div>${head}<br>${original}</div>`;
}

export function token() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
