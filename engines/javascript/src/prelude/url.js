// Owns `URL` and `URLSearchParams`. Rust has the parser.
(function (native, shared) {
  'use strict';
  const { parseUrl, parseQuery, writeQuery, encodeUserinfo, escapePath, escapeHash } = native;
  const { apply } = Reflect;
  const { splice, sort } = Array.prototype;
  const TypeErrorOf = TypeError;
  const iterator = Symbol.iterator;
  const slice = String.prototype.slice;
  const startsWith = String.prototype.startsWith;
  const indexOf = String.prototype.indexOf;
  const exec = RegExp.prototype.exec;
  const keysOf = Object.keys;
  const DIGITS = /^[0-9]*/;
  const HOST = /^(\[[^\]]*\]|[^\/\\?#@:[\]]*)(?::([0-9]+))?/;
  const SPECIAL = { __proto__: null, 'http:': true, 'https:': true, 'ws:': true, 'wss:': true, 'ftp:': true, 'file:': true };
  const { toLowerCase, toWellFormed } = String.prototype;
  const { textOf, add, addAll } = shared;
  const wellFormed = (value) => apply(toWellFormed, textOf(value), []);

  // What is not empty, with a mark before it.
  const marked = (mark, text) => (text === '' ? '' : mark + text);

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
            add(this.#pairs, [wellFormed(both[0]), wellFormed(both[1])]);
          }
        } else {
          const names = keysOf(init);
          for (let i = 0; i < names.length; i++) add(this.#pairs, [wellFormed(names[i]), wellFormed(init[names[i]])]);
        }
      } else {
        const text = textOf(init);
        this.#pairs = parseQuery(text[0] === '?' ? apply(slice, text, [1]) : text);
      }
    }
    static {
      rereadQuery = (params, query, changed) => {
        params.#pairs = parseQuery(query);
        params.#changed = changed;
      };
      shared.queryOf = (value) => (typeof value === 'object' && value !== null && #pairs in value ? writeQuery(value.#pairs) : undefined);
    }
    #tell() { this.#changed?.(writeQuery(this.#pairs)); }
    get size() { return this.#pairs.length; }
    append(name, value) { add(this.#pairs, [wellFormed(name), wellFormed(value)]); this.#tell(); }
    delete(name, value) {
      name = textOf(name);
      if (value !== undefined) value = textOf(value);
      const left = [];
      for (let i = 0; i < this.#pairs.length; i++) {
        const pair = this.#pairs[i];
        if (pair[0] !== name || (value !== undefined && pair[1] !== value)) add(left, pair);
      }
      this.#pairs = left;
      this.#tell();
    }
    get(name) {
      name = textOf(name);
      for (let i = 0; i < this.#pairs.length; i++) if (this.#pairs[i][0] === name) return this.#pairs[i][1];
      return null;
    }
    getAll(name) {
      name = textOf(name);
      const all = [];
      for (let i = 0; i < this.#pairs.length; i++) {
        if (this.#pairs[i][0] === name) add(all, this.#pairs[i][1]);
      }
      return all;
    }
    has(name, value) {
      name = textOf(name);
      if (value !== undefined) value = textOf(value);
      for (let i = 0; i < this.#pairs.length; i++) {
        if (this.#pairs[i][0] === name && (value === undefined || this.#pairs[i][1] === value)) return true;
      }
      return false;
    }
    set(name, value) {
      name = textOf(name);
      let at = -1;
      for (let i = 0; i < this.#pairs.length; i++) {
        if (this.#pairs[i][0] !== name) continue;
        if (at < 0) at = i;
        else apply(splice, this.#pairs, [i--, 1]);
      }
      if (at < 0) add(this.#pairs, [wellFormed(name), wellFormed(value)]);
      else this.#pairs[at][1] = wellFormed(value);
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
  const parsed = (url, base) => parseUrl(textOf(url), base === undefined ? undefined : textOf(base));
  class URL {
    #parts;
    #params = null;
    constructor(url, base) {
      url = textOf(url);
      if (base !== undefined) base = textOf(base);
      this.#parts = parseUrl(url, base);
      if (!this.#parts) {
        const error = new TypeErrorOf("'" + url + "' is not a valid URL" + (base === undefined ? '' : " at '" + base + "'"));
        shared.put(error, 'code', 'ERR_INVALID_URL');
        throw error;
      }
    }
    static {
      shared.hrefOf = (url) => url.#parts[HREF];
      shared.originOf = (url) => url.#parts[ORIGIN];
    }
    static canParse(url, base) { return !!parsed(url, base); }
    static parse(url, base) { return parsed(url, base) ? new URL(url, base) : null; }

    // Whether it is like `mailto:a@b`, which has no host and a path that is only a text.
    #isOpaque() {
      const p = this.#parts;
      return p[PATHNAME][0] !== '/' && !apply(startsWith, p[HREF], [p[PROTOCOL] + '//']);
    }
    // Puts a URL together from parts, and keeps it if it is valid.
    #put(change) {
      const p = [];
      addAll(p, this.#parts);
      change(p);
      const hasHost = p[HOSTNAME] !== '' || apply(startsWith, this.#parts[HREF], [this.#parts[PROTOCOL] + '//']);
      const user = p[USERNAME] || p[PASSWORD] ? p[USERNAME] + marked(':', p[PASSWORD]) + '@' : '';
      const host = hasHost ? '//' + user + p[HOSTNAME] + marked(':', p[PORT]) : '';
      const parts = parseUrl(p[PROTOCOL] + host + p[PATHNAME] + p[SEARCH] + p[HASH], undefined);
      if (!parts) return false;
      this.#parts = parts;
      if (this.#params) this.#read();
      return true;
    }
    #read() {
      const changed = (query) => this.#put((p) => { p[SEARCH] = marked('?', query); });
      const silent = (query) => { const params = this.#params; this.#params = null; changed(query); this.#params = params; };
      rereadQuery(this.#params, apply(slice, this.#parts[SEARCH], [1]), silent);
    }
    get href() { return this.#parts[HREF]; }
    set href(url) { this.#parts = new URL(url).#parts; if (this.#params) this.#read(); }
    get origin() { return this.#parts[ORIGIN]; }
    get protocol() { return this.#parts[PROTOCOL]; }
    set protocol(text) {
      text = textOf(text);
      const end = apply(indexOf, text, [':']);
      const next = apply(toLowerCase, end < 0 ? text : apply(slice, text, [0, end]), []) + ':';
      const p = this.#parts;
      // Those of the Web stay those of the Web, and a file has neither a user nor a port.
      if (SPECIAL[p[PROTOCOL]] !== SPECIAL[next] || (p[PROTOCOL] === 'file:' && p[HOSTNAME] === '')) return;
      if (next === 'file:' && (p[USERNAME] || p[PASSWORD] || p[PORT])) return;
      this.#put((p) => { p[PROTOCOL] = next; });
    }
    get username() { return this.#parts[USERNAME]; }
    set username(text) { this.#put((p) => { p[USERNAME] = encodeUserinfo(text); }); }
    get password() { return this.#parts[PASSWORD]; }
    set password(text) { this.#put((p) => { p[PASSWORD] = encodeUserinfo(text); }); }
    get host() { return this.#parts[HOSTNAME] + marked(':', this.#parts[PORT]); }
    set host(text) {
      text = textOf(text);
      const found = apply(exec, HOST, [text]);
      const name = found[1], port = found[2];
      if (name === '' || text[found[0].length] === '@' || this.#isOpaque()) return;
      const put = (port) => this.#put((p) => { p[HOSTNAME] = name; if (port !== undefined) p[PORT] = port; });
      if (!put(port)) put();
    }
    get hostname() { return this.#parts[HOSTNAME]; }
    set hostname(text) {
      text = textOf(text);
      const at = apply(exec, HOST, [text])[1];
      // A name with a user or a port in front of its end is not a name, as in browsers.
      const next = text[at.length];
      if (at !== '' && next !== '@' && next !== ':' && !this.#isOpaque()) this.#put((p) => { p[HOSTNAME] = at; });
    }
    get port() { return this.#parts[PORT]; }
    set port(text) {
      text = textOf(text);
      const digits = apply(exec, DIGITS, [text])[0];
      if (digits !== '' || text === '') this.#put((p) => { p[PORT] = digits; });
    }
    get pathname() { return this.#parts[PATHNAME]; }
    set pathname(text) {
      if (this.#isOpaque()) return;
      text = escapePath(text);
      const isSpecial = SPECIAL[this.#parts[PROTOCOL]];
      const isWhole = text[0] === '/' || (isSpecial && text[0] === '\\') || (text === '' && !isSpecial && this.#parts[HOSTNAME] !== '');
      this.#put((p) => { p[PATHNAME] = isWhole ? text : '/' + text; });
    }
    get search() { return this.#parts[SEARCH]; }
    set search(text) {
      text = escapeHash(text);
      this.#put((p) => { p[SEARCH] = text[0] === '?' ? text : marked('?', text); });
    }
    get hash() { return this.#parts[HASH]; }
    set hash(text) {
      text = textOf(text);
      this.#put((p) => { p[HASH] = text[0] === '#' ? text : marked('#', text); });
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
