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
  const { codePointAt, includes, slice, toLowerCase } = String.prototype;
  const exec = RegExp.prototype.exec;
  const { textOf } = shared;
  const getterOf = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name).get;
  const ofArrays = Object.getPrototypeOf(Bytes.prototype);
  const nameOfView = getterOf(ofArrays, Symbol.toStringTag);
  const PARTS = ['buffer', 'byteOffset', 'byteLength'];
  const partsOfArray = PARTS.map((name) => getterOf(ofArrays, name));
  const partsOfView = PARTS.map((name) => getterOf(DataView.prototype, name));
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
    if (isView(value)) {
      const get = apply(nameOfView, value, []) === undefined ? partsOfView : partsOfArray;
      return new Bytes(apply(get[0], value, []), apply(get[1], value, []), apply(get[2], value, []));
    }
    return typeof value === 'object' && value !== null && isBuffer(value) ? new Bytes(value) : undefined;
  };
  // What the properties of these names say of an array of bytes.
  const lengthOf = shared.lengthOf = (bytes) => apply(partsOfArray[2], bytes, []);
  shared.bufferOf = (bytes) => apply(partsOfArray[0], bytes, []);
  const withoutMark = (text) => (text[0] === '\ufeff' ? apply(slice, text, [1]) : text);
  shared.encode = encodeUtf8;
  shared.decodeText = (bytes) => withoutMark(decode(bytes, 0, false, false)[0]);

  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(text = '') { return encodeUtf8(text); }
    encodeInto(text, to) {
      const source = textOf(text);
      if (apply(nameOfView, to, []) !== 'Uint8Array') throw new TypeErrorOf('TextEncoder.encodeInto() needs a Uint8Array');
      let read = 0, written = 0;
      const room = lengthOf(to);
      while (read < source.length) {
        const next = read + (apply(codePointAt, source, [read]) > 0xffff ? 2 : 1);
        const bytes = encodeUtf8(apply(slice, source, [read, next]));
        const end = written + lengthOf(bytes);
        if (end > room) break;
        apply(set, to, [bytes, written]);
        written = end;
        read = next;
      }
      return { read, written };
    }
  }

  const LABELS = [
    '|utf-8|utf8|unicode-1-1-utf-8|unicode11utf8|unicode20utf8|x-unicode20utf8|',
    '|utf-16le|utf-16|csunicode|iso-10646-ucs-2|ucs-2|unicode|unicodefeff|',
    '|windows-1252|ansi_x3.4-1968|ascii|cp1252|cp819|csisolatin1|ibm819|iso-8859-1|iso-ir-100|iso8859-1|iso88591|iso_8859-1' +
      '|iso_8859-1:1987|l1|latin1|us-ascii|x-cp1252|',
  ];
  const LABEL = /^[\t\n\f\r ]*([^|]*?)[\t\n\f\r ]*$/;
  const encodingOf = (label) => {
    const name = apply(exec, LABEL, [apply(toLowerCase, label, [])])?.[1];
    for (let i = 0; name && i < 3; i++) if (apply(includes, LABELS[i], ['|' + name + '|'])) return i;
  };
  const NAMES = ['utf-8', 'utf-16le', 'windows-1252'];
  class TextDecoder {
    #encoding; #fatal; #keepsMark; #rest = null; #begun = false;
    constructor(label = 'utf-8', options = { __proto__: null }) {
      label = textOf(label);
      const encoding = encodingOf(label);
      if (encoding === undefined) {
        throw new RangeErrorOf("the encoding '" + label + "' is not there: TextDecoder has utf-8, utf-16le and windows-1252");
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
        const before = lengthOf(this.#rest);
        const joined = new Bytes(before + lengthOf(bytes));
        apply(set, joined, [this.#rest, 0]);
        apply(set, joined, [bytes, before]);
        bytes = joined;
      }
      const decoded = decode(bytes, this.#encoding, this.#fatal, streams);
      const text = decoded[0], used = decoded[1];
      this.#rest = used < lengthOf(bytes) ? new Bytes(apply(subarray, bytes, [used])) : null;
      const isFirst = !this.#begun && text.length > 0;
      if (text.length > 0) this.#begun = true;
      if (!streams) { this.#begun = false; this.#rest = null; }
      return isFirst && !this.#keepsMark && this.#encoding < 2 ? withoutMark(text) : text;
    }
  }

  shared.defineClass(TextEncoder);
  shared.defineClass(TextDecoder);
})
