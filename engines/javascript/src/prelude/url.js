// Owns `URL` and `URLSearchParams`. Rust has the parser.
(function (native, shared) {
  'use strict';
  const { parseUrl, parseQuery, writeQuery } = native;
  const { apply } = Reflect;
  const { push, splice, sort } = Array.prototype;
  const TypeErrorOf = TypeError;
  const iterator = Symbol.iterator;
  const slice = String.prototype.slice;
  const startsWith = String.prototype.startsWith;
  const indexOf = String.prototype.indexOf;
  const exec = RegExp.prototype.exec;
  const DIGITS = /^[0-9]*/;
  const HOST = /^(\[[^\]]*\]|[^\/\\?#@:[\]]*)(?::([0-9]+))?/;
  const SPECIAL = { __proto__: null, 'http:': true, 'https:': true, 'ws:': true, 'wss:': true, 'ftp:': true, 'file:': true };
  const { toLowerCase, toWellFormed } = String.prototype;
  const textOf = (value) => apply(toWellFormed, `${value}`, []);

  let rereadQuery;
  class URLSearchParams {
    #pairs = [];
    #changed = null;
    constructor(init = '') {
      if (typeof init === 'object' && init !== null || typeof init === 'function') {
        if (typeof init[iterator] === 'function') {
          for (const pair of init) {
            const both = [...pair];
            if (both.length !== 2) throw new TypeErrorOf('each parameter must be a name and a value');
            apply(push, this.#pairs, [[textOf(both[0]), textOf(both[1])]]);
          }
        } else {
          for (const name of Object.keys(init)) apply(push, this.#pairs, [[textOf(name), textOf(init[name])]]);
        }
      } else {
        const text = `${init}`;
        this.#pairs = parseQuery(text[0] === '?' ? apply(slice, text, [1]) : text);
      }
    }
    static {
      rereadQuery = (params, query, changed) => {
        params.#pairs = parseQuery(query);
        params.#changed = changed;
      };
    }
    #tell() { this.#changed?.(writeQuery(this.#pairs)); }
    get size() { return this.#pairs.length; }
    append(name, value) { apply(push, this.#pairs, [[textOf(name), textOf(value)]]); this.#tell(); }
    delete(name, value) {
      name = `${name}`;
      const left = [];
      for (let i = 0; i < this.#pairs.length; i++) {
        const pair = this.#pairs[i];
        if (pair[0] !== name || (value !== undefined && pair[1] !== `${value}`)) apply(push, left, [pair]);
      }
      this.#pairs = left;
      this.#tell();
    }
    get(name) {
      name = `${name}`;
      for (let i = 0; i < this.#pairs.length; i++) if (this.#pairs[i][0] === name) return this.#pairs[i][1];
      return null;
    }
    getAll(name) {
      name = `${name}`;
      const all = [];
      for (let i = 0; i < this.#pairs.length; i++) {
        if (this.#pairs[i][0] === name) apply(push, all, [this.#pairs[i][1]]);
      }
      return all;
    }
    has(name, value) {
      const all = this.getAll(name);
      for (let i = 0; i < all.length; i++) if (value === undefined || all[i] === `${value}`) return true;
      return false;
    }
    set(name, value) {
      name = `${name}`;
      let at = -1;
      for (let i = 0; i < this.#pairs.length; i++) {
        if (this.#pairs[i][0] !== name) continue;
        if (at < 0) at = i;
        else apply(splice, this.#pairs, [i--, 1]);
      }
      if (at < 0) apply(push, this.#pairs, [[textOf(name), textOf(value)]]);
      else this.#pairs[at][1] = textOf(value);
      this.#tell();
    }
    sort() {
      apply(sort, this.#pairs, [(a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)]);
      this.#tell();
    }
    forEach(callback, self) {
      for (let i = 0; i < this.#pairs.length; i++) {
        apply(callback, self, [this.#pairs[i][1], this.#pairs[i][0], this]);
      }
    }
    *entries() { for (let i = 0; i < this.#pairs.length; i++) yield [this.#pairs[i][0], this.#pairs[i][1]]; }
    *keys() { for (let i = 0; i < this.#pairs.length; i++) yield this.#pairs[i][0]; }
    *values() { for (let i = 0; i < this.#pairs.length; i++) yield this.#pairs[i][1]; }
    [iterator]() { return this.entries(); }
    toString() { return writeQuery(this.#pairs); }
  }

  // The parts that `parseUrl` returns, in this order.
  const [HREF, PROTOCOL, USERNAME, PASSWORD, HOSTNAME, PORT, PATHNAME, SEARCH, HASH, ORIGIN] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  class URL {
    #parts;
    #params = null;
    constructor(url, base) {
      const text = `${url}`;
      this.#parts = parseUrl(text, base === undefined ? undefined : `${base}`);
      if (!this.#parts) {
        const error = new TypeErrorOf(base === undefined ? `'${text}' is not a valid URL` : `'${text}' is not a valid URL at '${base}'`);
        error.code = 'ERR_INVALID_URL';
        throw error;
      }
    }
    static canParse(url, base) { return !!parseUrl(`${url}`, base === undefined ? undefined : `${base}`); }
    static parse(url, base) { return URL.canParse(url, base) ? new URL(url, base) : null; }

    // Whether it is like `mailto:a@b`, which has no host and a path that is only a text.
    #isOpaque() {
      const p = this.#parts;
      return p[PATHNAME][0] !== '/' && !apply(startsWith, p[HREF], [`${p[PROTOCOL]}//`]);
    }
    // Puts a URL together from parts, and keeps it if it is valid.
    #put(change) {
      const p = [...this.#parts];
      change(p);
      const hasHost = p[HOSTNAME] !== '' || apply(startsWith, this.#parts[HREF], [`${this.#parts[PROTOCOL]}//`]);
      const user = p[USERNAME] || p[PASSWORD] ? `${p[USERNAME]}${p[PASSWORD] ? `:${p[PASSWORD]}` : ''}@` : '';
      const host = hasHost ? `//${user}${p[HOSTNAME]}${p[PORT] === '' ? '' : `:${p[PORT]}`}` : '';
      const parts = parseUrl(`${p[PROTOCOL]}${host}${p[PATHNAME]}${p[SEARCH]}${p[HASH]}`, undefined);
      if (!parts) return false;
      this.#parts = parts;
      if (this.#params) this.#read();
      return true;
    }
    #read() {
      const changed = (query) => this.#put((p) => { p[SEARCH] = query === '' ? '' : `?${query}`; });
      const silent = (query) => { const params = this.#params; this.#params = null; changed(query); this.#params = params; };
      rereadQuery(this.#params, apply(slice, this.#parts[SEARCH], [1]), silent);
    }
    get href() { return this.#parts[HREF]; }
    set href(url) { this.#parts = new URL(url).#parts; if (this.#params) this.#read(); }
    get origin() { return this.#parts[ORIGIN]; }
    get protocol() { return this.#parts[PROTOCOL]; }
    set protocol(text) {
      text = `${text}`;
      const end = apply(indexOf, text, [':']);
      const next = `${apply(toLowerCase, end < 0 ? text : apply(slice, text, [0, end]), [])}:`;
      const p = this.#parts;
      // Those of the Web stay those of the Web, and a file has neither a user nor a port.
      if (SPECIAL[p[PROTOCOL]] !== SPECIAL[next] || (p[PROTOCOL] === 'file:' && p[HOSTNAME] === '')) return;
      if (next === 'file:' && (p[USERNAME] || p[PASSWORD] || p[PORT])) return;
      this.#put((p) => { p[PROTOCOL] = next; });
    }
    get username() { return this.#parts[USERNAME]; }
    set username(text) { this.#put((p) => { p[USERNAME] = native.encodeUserinfo(`${text}`); }); }
    get password() { return this.#parts[PASSWORD]; }
    set password(text) { this.#put((p) => { p[PASSWORD] = native.encodeUserinfo(`${text}`); }); }
    get host() { return this.#parts[HOSTNAME] + (this.#parts[PORT] === '' ? '' : `:${this.#parts[PORT]}`); }
    set host(text) {
      text = `${text}`;
      const [all, name, port] = apply(exec, HOST, [text]);
      if (name === '' || text[all.length] === '@' || this.#isOpaque()) return;
      const put = (port) => this.#put((p) => { p[HOSTNAME] = name; if (port !== undefined) p[PORT] = port; });
      if (!put(port)) put();
    }
    get hostname() { return this.#parts[HOSTNAME]; }
    set hostname(text) {
      text = `${text}`;
      const at = apply(exec, HOST, [text])[1];
      // A name with a user or a port in front of its end is not a name, as in browsers.
      const next = text[at.length];
      if (at !== '' && next !== '@' && next !== ':' && !this.#isOpaque()) this.#put((p) => { p[HOSTNAME] = at; });
    }
    get port() { return this.#parts[PORT]; }
    set port(text) {
      const digits = apply(exec, DIGITS, [`${text}`])[0];
      if (digits !== '' || `${text}` === '') this.#put((p) => { p[PORT] = digits; });
    }
    get pathname() { return this.#parts[PATHNAME]; }
    set pathname(text) {
      if (this.#isOpaque()) return;
      text = native.escapePath(`${text}`);
      const isSpecial = SPECIAL[this.#parts[PROTOCOL]];
      const isWhole = text[0] === '/' || (isSpecial && text[0] === '\\') || (text === '' && !isSpecial && this.#parts[HOSTNAME] !== '');
      this.#put((p) => { p[PATHNAME] = isWhole ? text : `/${text}`; });
    }
    get search() { return this.#parts[SEARCH]; }
    set search(text) {
      text = native.escapeHash(`${text}`);
      this.#put((p) => { p[SEARCH] = text === '' ? '' : text[0] === '?' ? text : `?${text}`; });
    }
    get hash() { return this.#parts[HASH]; }
    set hash(text) {
      text = `${text}`;
      this.#put((p) => { p[HASH] = text === '' ? '' : text[0] === '#' ? text : `#${text}`; });
    }
    get searchParams() {
      if (!this.#params) { this.#params = new URLSearchParams(); this.#read(); }
      return this.#params;
    }
    toString() { return this.#parts[HREF]; }
    toJSON() { return this.#parts[HREF]; }
  }

  shared.defineClass(URLSearchParams);
  shared.defineClass(URL);
})
