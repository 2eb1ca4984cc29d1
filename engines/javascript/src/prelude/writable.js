// Owns `WritableStream` and `TransformStream`, and what belongs to them.
(function (native, shared) {
  'use strict';
  const { NEW, OPEN, CLOSED, FAILED, onceDone, quiet, quietly, pending, methodOf, strategyOf, locked, released, mustBe, desired } =
    shared.streaming;
  const PromiseOf = Promise;
  const rejected = PromiseOf.reject.bind(PromiseOf);
  const TypeErrorOf = TypeError;
  const Decoder = TextDecoder;
  const Readable = ReadableStream;

  // Steps come one after the other, and none after one that fails.
  const breakOff = (s, error) => {
    if (s.state !== OPEN) return;
    s.state = FAILED;
    s.error = error;
    s.ready.reject(error);
    s.ready = quietly();
    s.ready.reject(error);
    s.closed.reject(error);
  };
  const step = (s, method, first) => {
    const before = s.last;
    s.last = quiet((async () => {
      await before;
      if (s.state === FAILED) throw s.error;
      try { await method?.(first, s.controller); } catch (error) { breakOff(s, error); throw error; }
    })());
    return s.last;
  };
  const refuses = (s) => rejected(s.state === FAILED ? s.error : new TypeErrorOf('the stream is closed'));
  const write = (s, chunk) => {
    if (s.state !== OPEN || s.closing) return refuses(s);
    let size;
    try { size = s.size(chunk); } catch (error) { breakOff(s, error); return rejected(error); }
    s.total += size;
    if (s.total >= s.mark && !s.waits) { s.waits = true; s.ready = quietly(); }
    const written = step(s, s.write, chunk);
    onceDone(written, () => {
      s.total -= size;
      if (s.waits && s.total < s.mark) { s.waits = false; s.ready.resolve(); }
    }, () => {});
    return written;
  };
  const finish = (s) => {
    if (s.state !== OPEN || s.closing) return refuses(s);
    s.closing = true;
    const closed = step(s, s.close);
    onceDone(closed, () => { s.state = CLOSED; s.closed.resolve(); }, () => {});
    return closed;
  };
  const abort = async (s, reason) => {
    if (s.state !== OPEN) return;
    breakOff(s, reason);
    await s.abort?.(reason);
  };

  class WritableStreamDefaultController {
    #s;
    constructor(key, s) { mustBe(key, 'a controller'); this.#s = s; }
    error(reason) { breakOff(this.#s, reason); }
  }

  let writableOf;
  class WritableStreamDefaultWriter {
    #s;
    constructor(stream) {
      const s = writableOf(stream);
      if (s.writer) throw locked();
      s.writer = true;
      this.#s = s;
    }
    get closed() { return this.#s ? this.#s.closed.promise : quiet(rejected(released())); }
    get ready() { return this.#s ? this.#s.ready.promise : quiet(rejected(released())); }
    get desiredSize() { return desired(this.#s); }
    write(chunk) { return this.#s ? write(this.#s, chunk) : rejected(released()); }
    close() { return this.#s ? finish(this.#s) : rejected(released()); }
    abort(reason) { return this.#s ? abort(this.#s, reason) : rejected(released()); }
    releaseLock() {
      if (this.#s) this.#s.writer = false;
      this.#s = null;
    }
  }

  class WritableStream {
    #s;
    constructor(sink, strategy) {
      const [mark, size] = strategyOf(strategy, 1);
      const s = {
        state: OPEN, error: undefined, total: 0, mark, size, writer: false, closing: false, waits: mark === 0,
        ready: quietly(), closed: quietly(),
        write: methodOf(sink, 'write'), close: methodOf(sink, 'close'), abort: methodOf(sink, 'abort'),
      };
      this.#s = s;
      s.controller = new WritableStreamDefaultController(NEW, s);
      if (!s.waits) s.ready.resolve();
      const started = methodOf(sink, 'start')?.(s.controller);
      step(s, () => started);
    }
    static { writableOf = (stream) => stream.#s; }
    get locked() { return this.#s.writer; }
    getWriter() { return new WritableStreamDefaultWriter(this); }
    close() { return this.#s.writer ? rejected(locked()) : finish(this.#s); }
    abort(reason) { return this.#s.writer ? rejected(locked()) : abort(this.#s, reason); }
  }

  class TransformStream {
    constructor(transformer, writableStrategy, readableStrategy) {
      const transform = methodOf(transformer, 'transform') ?? ((chunk, controller) => controller.enqueue(chunk));
      const flush = methodOf(transformer, 'flush');
      const begin = methodOf(transformer, 'start');
      // A chunk is transformed when it is wanted; one that makes nothing leaves the next one wanted.
      let controller, sink, isWanted = false, room = pending();
      const wanted = () => { isWanted = true; room.resolve(); };
      this.readable = new Readable({
        start(one) { controller = one; },
        pull: wanted,
        cancel(reason) { sink.error(reason); wanted(); },
      }, readableStrategy ?? { highWaterMark: 0 });
      const handle = {
        enqueue(chunk) {
          isWanted = false;
          room = pending();
          controller.enqueue(chunk);
        },
        error(reason) { controller.error(reason); sink.error(reason); },
        terminate() { controller.close(); sink.error(new TypeErrorOf('the stream was terminated')); },
        get desiredSize() { return controller.desiredSize; },
      };
      const attempt = async (method, first, second) => {
        try { await method?.(first, second); } catch (error) { controller.error(error); throw error; }
      };
      this.writable = new WritableStream({
        start(one) { sink = one; return attempt(begin, handle); },
        async write(chunk) {
          if (!isWanted && !(controller.desiredSize > 0)) await room.promise;
          await attempt(transform, chunk, handle);
        },
        async close() {
          await attempt(flush, handle);
          try { controller.close(); } catch {}
        },
        abort(reason) { controller.error(reason); },
      }, writableStrategy);
    }
  }

  class TextDecoderStream extends TransformStream {
    constructor(label, options) {
      const decoder = new Decoder(label, options);
      const pass = (text, controller) => { if (text) controller.enqueue(text); };
      super({
        transform(chunk, controller) { pass(decoder.decode(chunk, { stream: true }), controller); },
        flush(controller) { pass(decoder.decode(), controller); },
      });
    }
  }
  class TextEncoderStream extends TransformStream {
    constructor() {
      super({ transform(chunk, controller) { controller.enqueue(shared.encode(`${chunk}`)); } });
    }
  }
  class CountQueuingStrategy {
    constructor({ highWaterMark }) { this.highWaterMark = highWaterMark; }
    size() { return 1; }
  }
  class ByteLengthQueuingStrategy extends CountQueuingStrategy {
    size(chunk) { return chunk.byteLength; }
  }

  for (const one of [
    WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter, TransformStream, TextDecoderStream,
    TextEncoderStream, CountQueuingStrategy, ByteLengthQueuingStrategy,
  ]) shared.defineClass(one);
})
