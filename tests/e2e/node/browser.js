/** A person's browser: it keeps cookies and goes where it is sent. */
import assert from 'node:assert/strict';

export class Browser {
  /** @type {Map<string, string>} */
  #cookies = new Map();

  /**
   * Make one request; follows nothing.
   *
   * @param {string} url
   * @param {RequestInit} [request]
   */
  async visit(url, request = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { ...request, redirect: 'manual', headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      assert(name, `no cookie: ${line}`);
      this.#cookies.set(name, value ?? '');
    }
    return answer;
  }

  /**
   * Go on from an address until a page is shown or the application's address is reached.
   *
   * @param {string} url
   * @param {string} returnAddress
   */
  async walk(url, returnAddress) {
    while (!url.startsWith(returnAddress)) {
      const answer = await this.visit(url);
      if (answer.ok) return { url, page: await answer.text() };
      assert.equal(answer.status, 302, await answer.text());
      url = new URL(answer.headers.get('location') ?? '', url).href;
    }
    return { url, page: '' };
  }

  /**
   * Walk to the application's address; answers what the application is told there.
   *
   * @param {string} url
   * @param {string} returnAddress
   * @returns {Promise<Record<string, string>>}
   */
  async comeBack(url, returnAddress) {
    const { url: reached, page } = await this.walk(url, returnAddress);
    assert.equal(page, '', 'the way ended at a page');
    return Object.fromEntries(new URL(reached).searchParams);
  }
}
