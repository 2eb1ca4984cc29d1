// Owns `Blob`, streams of bytes that are there, and the streams that decode and encode text.
(function (native, shared) {
  'use strict';
  const { bytesOf, encode, decodeText } = shared;
  const { apply } = Reflect;
  const { charCodeAt, slice: cut, toLowerCase } = String.prototype;
  const { set, slice } = Uint8Array.prototype;
  const push = Array.prototype.push;
  const TypeErrorOf = TypeError;
  const Decoder = TextDecoder;
  const decode = Decoder.prototype.decode;
  const Bytes = Uint8Array;

  // One array of several, or the only one.
  shared.join = (chunks) => {
    if (chunks.length === 1) return chunks[0];
    let length = 0;
    for (let i = 0; i < chunks.length; i++) length += chunks[i].length;
    const all = new Bytes(length);
    for (let i = 0, at = 0; i < chunks.length; at += chunks[i++].length) apply(set, all, [chunks[i], at]);
    return all;
  };
  // A stream of bytes that are there.
  const streamOf = shared.streamOfBytes = (bytes) => shared.streamOf(async (give) => {
    if (bytes.length > 0) give(bytes);
    give();
  });

  class Blob {
    #bytes; #type;
    constructor(parts = [], options = {}) {
      if (typeof parts !== 'object' || parts === null) throw new TypeErrorOf('Blob needs a list of parts');
      const chunks = [];
      for (const part of parts) {
        const isBlob = typeof part === 'object' && part !== null && #bytes in part;
        apply(push, chunks, [isBlob ? part.#bytes : bytesOf(part) ?? encode(`${part}`)]);
      }
      // A copy, so that a later change of a part has no effect.
      const all = shared.join(chunks);
      this.#bytes = chunks.length === 1 ? new Bytes(all) : all;
      this.#type = apply(toLowerCase, `${options.type ?? ''}`, []);
    }
    static {
      shared.bytesOfBlob = (value) =>
        (typeof value === 'object' && value !== null && #bytes in value ? value.#bytes : undefined);
    }
    get size() { return this.#bytes.length; }
    get type() { return this.#type; }
    async bytes() { return new Bytes(this.#bytes); }
    async arrayBuffer() { return new Bytes(this.#bytes).buffer; }
    async text() { return decodeText(this.#bytes); }
    stream() { return streamOf(new Bytes(this.#bytes)); }
    slice(from, to, type) {
      const part = new Blob([], { type });
      part.#bytes = apply(slice, this.#bytes, [from, to]);
      return part;
    }
  }

  class TextDecoderStream extends TransformStream {
    #decoder;
    constructor(label, options) {
      const decoder = new Decoder(label, options);
      const pass = (text, controller) => { if (text) controller.enqueue(text); };
      super({
        __proto__: null,
        transform(chunk, controller) {
          if (!bytesOf(chunk)) throw new TypeErrorOf('a TextDecoderStream takes bytes');
          pass(apply(decode, decoder, [chunk, { stream: true }]), controller);
        },
        flush(controller) { pass(apply(decode, decoder, []), controller); },
      });
      this.#decoder = decoder;
    }
    get encoding() { return this.#decoder.encoding; }
    get fatal() { return this.#decoder.fatal; }
    get ignoreBOM() { return this.#decoder.ignoreBOM; }
  }

  class TextEncoderStream extends TransformStream {
    #encoding = 'utf-8';
    constructor() {
      // The first half of a character whose second half may follow.
      let half = '';
      super({
        __proto__: null,
        transform(chunk, controller) {
          let text = `${half}${chunk}`;
          const last = apply(charCodeAt, text, [text.length - 1]);
          half = last >= 0xd800 && last < 0xdc00 ? text[text.length - 1] : '';
          if (half) text = apply(cut, text, [0, -1]);
          if (text) controller.enqueue(encode(text));
        },
        flush(controller) { if (half) controller.enqueue(encode(half)); },
      });
    }
    get encoding() { return this.#encoding; }
  }

  for (const one of [Blob, TextDecoderStream, TextEncoderStream]) shared.defineClass(one);
})
