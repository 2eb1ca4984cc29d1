// Owns `Blob`.
(function (native, shared) {
  'use strict';
  const { bytesOf, encode, decodeText } = shared;
  const { apply } = Reflect;
  const { toLowerCase } = String.prototype;
  const { set, slice } = Uint8Array.prototype;
  const push = Array.prototype.push;
  const TypeErrorOf = TypeError;
  const Stream = ReadableStream;
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
  shared.streamOf = (bytes) => new Stream({
    type: 'bytes',
    start(controller) { if (bytes.length === 0) controller.close(); },
    pull(controller) { controller.enqueue(bytes); controller.close(); },
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
    stream() { return shared.streamOf(new Bytes(this.#bytes)); }
    slice(from, to, type) {
      const part = new Blob([], { type });
      part.#bytes = apply(slice, this.#bytes, [from, to]);
      return part;
    }
  }

  shared.defineClass(Blob);
})
