// Owns `Blob`, streams of bytes that are there, and the streams that decode and encode text.
(function (native, shared) {
  'use strict';
  const { bytesOf, encode, decodeText, lengthOf, bufferOf, textOf, add } = shared;
  const { apply } = Reflect;
  const { charCodeAt, slice: cut, toLowerCase } = String.prototype;
  const { set, slice } = Uint8Array.prototype;
  const TypeErrorOf = TypeError;
  const Decoder = TextDecoder;
  const decode = Decoder.prototype.decode;
  const Bytes = Uint8Array;
  const enqueue = TransformStreamDefaultController.prototype.enqueue;
  const put = (controller, chunk) => apply(enqueue, controller, [chunk]);

  // One array of several, or the only one.
  shared.join = (chunks) => {
    if (chunks.length === 1) return chunks[0];
    let length = 0;
    for (let i = 0; i < chunks.length; i++) length += lengthOf(chunks[i]);
    const all = new Bytes(length);
    for (let i = 0, at = 0; i < chunks.length; at += lengthOf(chunks[i++])) apply(set, all, [chunks[i], at]);
    return all;
  };
  // A stream of bytes that are there.
  const streamOf = shared.streamOfBytes = (bytes) => shared.streamOf(async (give) => {
    if (lengthOf(bytes) > 0) give(bytes);
    give();
  });

  class Blob {
    #bytes; #type;
    constructor(parts = undefined, options = { __proto__: null }) {
      if (parts !== undefined && (typeof parts !== 'object' || parts === null)) throw new TypeErrorOf('Blob needs a list of parts');
      const chunks = [];
      if (parts) for (const part of parts) {
        const isBlob = typeof part === 'object' && part !== null && #bytes in part;
        add(chunks, isBlob ? part.#bytes : bytesOf(part) ?? encode(part));
      }
      // A copy, so that a later change of a part has no effect.
      const all = shared.join(chunks);
      this.#bytes = chunks.length === 1 ? new Bytes(all) : all;
      this.#type = apply(toLowerCase, textOf(options.type ?? ''), []);
    }
    static {
      shared.bytesOfBlob = (value) =>
        (typeof value === 'object' && value !== null && #bytes in value ? value.#bytes : undefined);
      shared.typeOfBlob = (blob) => blob.#type;
      // A blob of a copy of these bytes.
      shared.blobOf = (bytes, type) => {
        const blob = new Blob(undefined, { __proto__: null, type });
        blob.#bytes = new Bytes(bytes);
        return blob;
      };
    }
    get size() { return lengthOf(this.#bytes); }
    get type() { return this.#type; }
    async bytes() { return new Bytes(this.#bytes); }
    async arrayBuffer() { return bufferOf(new Bytes(this.#bytes)); }
    async text() { return decodeText(this.#bytes); }
    stream() { return streamOf(new Bytes(this.#bytes)); }
    slice(from, to, type) {
      const part = new Blob(undefined, { __proto__: null, type });
      part.#bytes = apply(slice, this.#bytes, [from, to]);
      return part;
    }
  }

  class TextDecoderStream extends TransformStream {
    #decoder;
    constructor(label, options) {
      const decoder = new Decoder(label, options);
      const pass = (text, controller) => { if (text) put(controller, text); };
      super({
        __proto__: null,
        transform(chunk, controller) {
          if (!bytesOf(chunk)) throw new TypeErrorOf('a TextDecoderStream takes bytes');
          pass(apply(decode, decoder, [chunk, { __proto__: null, stream: true }]), controller);
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
          let text = textOf(half, chunk);
          const last = apply(charCodeAt, text, [text.length - 1]);
          half = last >= 0xd800 && last < 0xdc00 ? text[text.length - 1] : '';
          if (half) text = apply(cut, text, [0, -1]);
          if (text) put(controller, encode(text));
        },
        flush(controller) { if (half) put(controller, encode(half)); },
      });
    }
    get encoding() { return this.#encoding; }
  }

  for (const one of [Blob, TextDecoderStream, TextEncoderStream]) shared.defineClass(one);
})
