// Owns `Headers`.
(function (native, shared) {
  'use strict';
  const { apply } = Reflect;
  const { sort } = Array.prototype;
  const { toLowerCase, trim } = String.prototype;
  const TypeErrorOf = TypeError;
  const iterator = Symbol.iterator;
  const exec = RegExp.prototype.exec;
  const { textOf, add, addAll } = shared;
  const keysOf = Object.keys;
  const TOKEN = /^[!#$%&'*+\-.^_\x60|~0-9A-Za-z]+$/;
  const BAD_VALUE = /[\0\r\n\u0100-\uffff]/;

  const nameOf = (name) => {
    name = textOf(name);
    if (!apply(exec, TOKEN, [name])) throw new TypeErrorOf("'" + name + "' is not a valid name of a header");
    return apply(toLowerCase, name, []);
  };
  const valueOf = (value) => {
    value = apply(trim, textOf(value), []);
    if (apply(exec, BAD_VALUE, [value])) throw new TypeErrorOf('the value of a header has a line break, a zero or a character beyond U+00FF');
    return value;
  };

  class Headers {
    #pairs = [];
    constructor(init) {
      if (init === undefined || init === null) return;
      if (typeof init !== 'object') throw new TypeErrorOf('Headers needs an object, or pairs of names and values');
      if (#pairs in init) {
        for (let i = 0; i < init.#pairs.length; i++) add(this.#pairs, [init.#pairs[i][0], init.#pairs[i][1]]);
      } else if (typeof init[iterator] === 'function') {
        for (const pair of init) {
          const both = [...pair];
          if (both.length !== 2) throw new TypeErrorOf('each header must be a name and a value');
          this.#append(both[0], both[1]);
        }
      } else {
        const names = keysOf(init);
        for (let i = 0; i < names.length; i++) this.#append(names[i], init[names[i]]);
      }
    }
    static {
      shared.flatHeaders = (headers) => {
        const flat = [];
        for (let i = 0; i < headers.#pairs.length; i++) addAll(flat, headers.#pairs[i]);
        return flat;
      };
      shared.headersOf = (flat) => {
        const headers = new Headers();
        for (let i = 0; i < flat.length; i += 2) add(headers.#pairs, [flat[i], flat[i + 1]]);
        return headers;
      };
      // By a name in lower case.
      shared.headerOf = (headers, name) => headers.#get(name);
      shared.setHeader = (headers, name, value) => headers.#set(name, valueOf(value));
      shared.removeHeader = (headers, name) => headers.#remove(name);
    }
    #append(name, value) { add(this.#pairs, [nameOf(name), valueOf(value)]); }
    #remove(name) {
      const left = [];
      for (let i = 0; i < this.#pairs.length; i++) if (this.#pairs[i][0] !== name) add(left, this.#pairs[i]);
      this.#pairs = left;
    }
    #get(name) {
      let all = null;
      for (let i = 0; i < this.#pairs.length; i++) {
        const pair = this.#pairs[i];
        if (pair[0] === name) all = all === null ? pair[1] : all + ', ' + pair[1];
      }
      return all;
    }
    #set(name, value) {
      this.#remove(name);
      add(this.#pairs, [name, value]);
    }
    append(name, value) { this.#append(name, value); }
    delete(name) { this.#remove(nameOf(name)); }
    get(name) { return this.#get(nameOf(name)); }
    getSetCookie() {
      const all = [];
      for (let i = 0; i < this.#pairs.length; i++) {
        if (this.#pairs[i][0] === 'set-cookie') add(all, this.#pairs[i][1]);
      }
      return all;
    }
    has(name) { return this.#get(nameOf(name)) !== null; }
    set(name, value) { this.#set(nameOf(name), valueOf(value)); }
    #sorted() {
      const names = { __proto__: null };
      const all = [];
      for (let i = 0; i < this.#pairs.length; i++) {
        const name = this.#pairs[i][0];
        if (name === 'set-cookie') add(all, [name, this.#pairs[i][1]]);
        else if (!names[name]) {
          names[name] = true;
          add(all, [name, this.#get(name)]);
        }
      }
      return apply(sort, all, [(a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)]);
    }
    forEach(callback, self) {
      const all = this.#sorted();
      for (let i = 0; i < all.length; i++) apply(callback, self, [all[i][1], all[i][0], this]);
    }
    *entries() { const all = this.#sorted(); for (let i = 0; i < all.length; i++) yield all[i]; }
    *keys() { const all = this.#sorted(); for (let i = 0; i < all.length; i++) yield all[i][0]; }
    *values() { const all = this.#sorted(); for (let i = 0; i < all.length; i++) yield all[i][1]; }
    [iterator]() { return this.entries(); }
  }

  shared.defineClass(Headers);
})
