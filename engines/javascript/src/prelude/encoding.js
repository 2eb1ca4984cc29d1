// Owns `TextEncoder`, `TextDecoder`, and what the other files need of bytes.
(function (native, shared) {
  'use strict';
  const { encodeUtf8, decode } = native;
  const { apply } = Reflect;
  const TypeErrorOf = TypeError;
  const RangeErrorOf = RangeError;
  const Bytes = Uint8Array;
  const isView = ArrayBuffer.isView;
  const buffers = [ArrayBuffer, SharedArrayBuffer].map((one) =>
    Object.getOwnPropertyDescriptor(one.prototype, 'byteLength').get);
  const lower = String.prototype.toLowerCase;
  const trim = String.prototype.trim;
  const set = Bytes.prototype.set;
  const subarray = Bytes.prototype.subarray;

  const isBuffer = (value) => {
    for (let i = 0; i < 2; i++) {
      try { apply(buffers[i], value, []); return true; } catch {}
    }
    return false;
  };
  // The bytes of a buffer or of a view of one, without a copy; undefined of anything else.
  shared.bytesOf = (value) => {
    if (isView(value)) return new Bytes(value.buffer, value.byteOffset, value.byteLength);
    return typeof value === 'object' && value !== null && isBuffer(value) ? new Bytes(value) : undefined;
  };
  shared.encode = encodeUtf8;
  shared.decodeText = (bytes) => decode(bytes, 0, false, false)[0];

  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(text = '') { return encodeUtf8(`${text}`); }
    encodeInto(text, to) {
      const source = `${text}`;
      let read = 0, written = 0;
      for (const character of source) {
        const bytes = encodeUtf8(character);
        if (written + bytes.length > to.length) break;
        apply(set, to, [bytes, written]);
        written += bytes.length;
        read += character.length;
      }
      return { read, written };
    }
  }

  const LABELS = {
    __proto__: null,
    'utf-8': 0, utf8: 0, 'unicode-1-1-utf-8': 0,
    'utf-16le': 1, 'utf-16': 1, ucs2: 1, 'ucs-2': 1, unicode: 1,
    latin1: 2, 'iso-8859-1': 2, 'windows-1252': 2, ascii: 2, 'us-ascii': 2, l1: 2, 'iso8859-1': 2,
  };
  const NAMES = ['utf-8', 'utf-16le', 'windows-1252'];
  class TextDecoder {
    #encoding; #fatal; #keepsMark; #rest = null; #begun = false;
    constructor(label = 'utf-8', options = {}) {
      const encoding = LABELS[apply(lower, apply(trim, `${label}`, []), [])];
      if (encoding === undefined) {
        throw new RangeErrorOf(`the encoding '${label}' is not there: TextDecoder has utf-8, utf-16le and windows-1252`);
      }
      this.#encoding = encoding;
      this.#fatal = !!options.fatal;
      this.#keepsMark = !!options.ignoreBOM;
    }
    get encoding() { return NAMES[this.#encoding]; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#keepsMark; }
    decode(input, options) {
      let bytes = input === undefined ? new Bytes(0) : shared.bytesOf(input);
      if (!bytes) throw new TypeErrorOf('TextDecoder.decode() needs an ArrayBuffer or a view of one');
      const streams = !!(options && options.stream);
      if (this.#rest) {
        const joined = new Bytes(this.#rest.length + bytes.length);
        apply(set, joined, [this.#rest, 0]);
        apply(set, joined, [bytes, this.#rest.length]);
        bytes = joined;
      }
      const [text, used] = decode(bytes, this.#encoding, this.#fatal, streams);
      this.#rest = used < bytes.length ? new Bytes(apply(subarray, bytes, [used])) : null;
      const isFirst = !this.#begun && text.length > 0;
      if (text.length > 0) this.#begun = true;
      if (!streams) { this.#begun = false; this.#rest = null; }
      return isFirst && !this.#keepsMark && this.#encoding < 2 && text[0] === '\ufeff' ? text.slice(1) : text;
    }
  }

  shared.defineClass(TextEncoder);
  shared.defineClass(TextDecoder);
})
