// The files of a message that is being written.
//
//     small, while 3 MB last ──► inside the draft
//     all others ──► an address of the bucket ──► put there, with progress ──► named when it is sent

import { post, Refused } from "./api.js";
import { bytes, button, fill, h, icon, toast } from "./dom.js";
import { t } from "./i18n.js";

const INSIDE_LIMIT_BYTES = 3_000_000;
// The file itself, not the address that it is put to; some minutes less than a day.
const FILE_LIVES_MS = 86_000_000;
const PROVIDER_LIMITS_BYTES = { google: 26_771_418, microsoft: 157_286_400 };

export class Files {
  constructor({ provider, address, changed, explain }) {
    Object.assign(this, { provider, address, changed, explain });
    this.all = [];
    this.list = h("ul", { class: "files plain", "aria-label": t("mail.attachments") });
  }

  get inside() {
    return this.all.filter((each) => !each.isUpload);
  }

  get uploads() {
    return this.all.filter((each) => each.isUpload);
  }

  get areArriving() {
    return this.uploads.some((each) => !each.id);
  }

  get size() {
    return sizeOf(this.all);
  }

  // Of a draft: `kept` are its own, `uploads` those that it only names.
  restore(kept, uploads) {
    this.all = [
      ...kept.map((file) => ({
        name: file.filename, type: file.content_type, size: file.size, kept: file.id,
        contentId: file.content_id, isInline: file.is_inline,
      })),
      ...uploads.map((file) => ({ ...file, isUpload: true })),
    ];
    this.paint();
  }

  // `known`: what else is known of some of them.
  add(files, known = new Map()) {
    const limit = PROVIDER_LIMITS_BYTES[this.provider];
    for (const file of files) {
      if (this.size + file.size > limit) {
        toast(t("compose.too_large", { name: file.name, limit: bytes(limit) }), { kind: "error" });
        continue;
      }
      if (!file.size) {
        toast(t("compose.empty_file", { name: file.name }), { kind: "error" });
        continue;
      }
      const one = { name: file.name, type: typeOf(file), size: file.size, file, ...known.get(file) };
      one.isUpload = sizeOf(this.inside) + file.size > INSIDE_LIMIT_BYTES;
      this.all.push(one);
      if (one.isUpload) this.send(one);
    }
    this.paint();
    this.changed();
  }

  remove(one) {
    one.request?.abort();
    this.all = this.all.filter((each) => each !== one);
    this.paint();
    this.changed();
  }

  // Uploads are their mailbox's: another one gets them anew.
  async moveTo(provider, move) {
    await this.encoded();
    this.stop();
    this.all = this.all.map((each) => (each.isUpload
      ? { name: each.name, type: each.type, size: each.size, file: each.file, isUpload: true } : each));
    this.provider = provider;
    move();
    const limit = PROVIDER_LIMITS_BYTES[provider];
    let fits = 0;
    for (const one of [...this.inside, ...this.uploads]) {
      fits += one.size;
      if (fits > limit) {
        one.problem = t("compose.too_large", { name: one.name, limit: bytes(limit) });
      } else if (one.isUpload) {
        this.send(one);
      }
    }
    this.paint();
  }

  stop() {
    this.uploads.forEach((each) => each.request?.abort());
  }

  async send(one) {
    one.problem = "";
    try {
      const offer = await post(`${this.address()}/attachment-uploads`, {
        filename: one.name, content_type: one.type, size: one.size,
      });
      await put(offer, one, () => this.progress(one));
      await post(`${this.address()}/attachment-uploads/${offer.attachment_id}/complete`);
      one.id = offer.attachment_id;
      one.endsAt = Date.now() + FILE_LIVES_MS;
    } catch (error) {
      if (!this.all.includes(one)) return;
      one.problem = t("compose.upload_failed");
      if (error.type !== "aborted") this.explain(error);
    }
    this.paint();
    if (one.id) this.changed();
  }

  progress(one) {
    const bar = this.list.querySelector(`[data-file="${this.all.indexOf(one)}"] [role=progressbar]`);
    if (!bar) return;
    const percent = Math.floor((100 * one.sent) / one.size);
    bar.setAttribute("aria-valuenow", String(percent));
    bar.firstChild.style.width = `${percent}%`;
  }

  paint() {
    const at = [...this.list.children].findIndex((each) => each.contains(document.activeElement));
    fill(this.list, this.all.map((one, index) => {
      const isArriving = one.isUpload && !one.id && !one.problem;
      const bar = isArriving && h("div", {
        class: "bar", role: "progressbar", "aria-label": t("compose.uploading", { name: one.name }),
        "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "0",
      }, h("div", {}));
      return h("li", { class: `file ${one.problem ? "failed" : ""}`, "data-file": String(index) }, icon("clip"),
        h("span", { class: "breakable" }, one.name),
        h("span", { class: "muted small" }, one.problem || bytes(one.size)),
        bar,
        one.problem && button(t("again"), () => (this.send(one), this.paint()), { kind: "small" }),
        button(t(isArriving ? "compose.cancel_upload" : "compose.remove_file", { name: one.name }),
          () => this.remove(one), { symbol: "close", only: true, kind: "quiet small" }));
    }));
    if (at >= 0) this.list.children[Math.min(at, this.all.length - 1)]?.querySelector("button:last-child")?.focus();
    this.all.filter((each) => each.sent).forEach((each) => this.progress(each));
  }

  // As a draft or a send takes them.
  encoded() {
    return Promise.all(this.inside.map((one) => this.encodedOne(one)));
  }

  async encodedOne(one) {
    one.file ??= await fetched(`${this.address()}/attachments/${one.kept}/download`);
    const content = new Uint8Array(await one.file.arrayBuffer());
    let text = "";
    for (let at = 0; at < content.length; at += 32768) {
      text += String.fromCharCode(...content.subarray(at, at + 32768));
    }
    return {
      filename: one.name, content_type: one.type, content: btoa(text),
      ...(one.contentId ? { content_id: one.contentId, is_inline: Boolean(one.isInline) } : {}),
    };
  }
}

export async function fetched(address) {
  let response;
  try {
    response = await fetch(address);
  } catch {
    throw new Refused(0, "offline", "");
  }
  if (!response.ok) throw new Refused(response.status, "", "");
  return response.blob();
}

function sizeOf(files) {
  return files.reduce((sum, each) => sum + each.size, 0);
}

function typeOf(file) {
  return file.type && !/^(multipart|message)\//.test(file.type) ? file.type : "application/octet-stream";
}

// Only this kind of request tells how much has left.
function put({ url, headers }, one, onprogress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    one.request = request;
    request.open("PUT", url);
    // The length is the browser's to say.
    for (const [name, value] of Object.entries(headers)) {
      if (name.toLowerCase() !== "content-length") request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => {
      one.sent = event.loaded;
      onprogress();
    };
    request.onload = () => (request.status < 300 ? resolve() : reject(new Refused(request.status, "", "")));
    request.onerror = () => reject(new Refused(0, "offline", ""));
    request.onabort = () => reject(new Refused(0, "aborted", ""));
    request.send(one.file);
  });
}
