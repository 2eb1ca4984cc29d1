// Owns `ReadableStream` with its reader and controller. Byte streams have no readers of their own.
(function (native, shared) {
  'use strict';
  const { resolve, onAbort } = shared;
  const { apply } = Reflect;
  const { push, shift } = Array.prototype;
  const { asyncIterator, iterator } = Symbol;
  const PromiseOf = Promise;
  const then = PromiseOf.prototype.then;
  const rejected = PromiseOf.reject.bind(PromiseOf);
  const TypeErrorOf = TypeError;
  const RangeErrorOf = RangeError;
  const NEW = {};
  // The states of both kinds.
  const OPEN = 0, CLOSED = 1, FAILED = 2;

  const onceDone = (promise, done, failed) => { apply(then, promise, [done, failed]); };
  // A rejection that the script need not look at.
  const quiet = (promise) => { onceDone(promise, undefined, () => {}); return promise; };
  const pending = () => {
    const one = {};
    one.promise = new PromiseOf((resolve, reject) => { one.resolve = resolve; one.reject = reject; });
    return one;
  };
  const quietly = () => { const one = pending(); quiet(one.promise); return one; };
  const methodOf = (object, name) => {
    const method = object?.[name];
    if (method === undefined) return undefined;
    if (typeof method !== 'function') throw new TypeErrorOf(`${name} must be a function`);
    return (first, second) => apply(method, object, [first, second]);
  };
  // What a method throws is a rejection.
  const call = async (method, first, second) => method?.(first, second);
  const strategyOf = (strategy, mark) => {
    if (strategy?.highWaterMark !== undefined) mark = +strategy.highWaterMark;
    if (!(mark >= 0)) throw new RangeErrorOf('highWaterMark must be a number from 0');
    const size = methodOf(strategy, 'size');
    return [mark, (chunk) => {
      const length = size ? +size(chunk) : 1;
      if (!(length >= 0 && length < Infinity)) throw new RangeErrorOf('the size of a chunk must be a number from 0');
      return length;
    }];
  };
  const locked = () => new TypeErrorOf('the stream is locked: it has a reader or a writer already');
  const released = () => new TypeErrorOf('the stream was released');
  const mustBe = (key, name) => { if (key !== NEW) throw new TypeErrorOf(`${name} comes from a stream`); };

  // Reading.
  const desired = (s) => (s.state === FAILED ? null : s.state === CLOSED ? 0 : s.mark - s.total);
  const end = (s, state, error) => {
    if (s.state !== OPEN) return;
    s.state = state;
    s.error = error;
    s.queue = [];
    s.total = 0;
    const reads = s.reads;
    s.reads = [];
    for (let i = 0; i < reads.length; i++) {
      if (state === FAILED) reads[i].reject(error);
      else reads[i].resolve({ value: undefined, done: true });
    }
    if (state === FAILED) s.closed.reject(error);
    else s.closed.resolve();
  };
  const pull = (s) => {
    if (!s.started || s.state !== OPEN || s.closing || !s.pull || !(s.reads.length > 0 || s.mark > s.total)) return;
    if (s.pulling) { s.again = true; return; }
    s.pulling = true;
    onceDone(call(s.pull, s.controller), () => {
      s.pulling = false;
      if (s.again) { s.again = false; pull(s); }
    }, (error) => end(s, FAILED, error));
  };
  const enqueue = (s, chunk) => {
    if (s.state !== OPEN || s.closing) throw new TypeErrorOf('the stream is closed');
    if (s.reads.length > 0) {
      apply(shift, s.reads, []).resolve({ value: chunk, done: false });
    } else {
      let size;
      try { size = s.size(chunk); } catch (error) { end(s, FAILED, error); throw error; }
      apply(push, s.queue, [[chunk, size]]);
      s.total += size;
    }
    pull(s);
  };
  const close = (s) => {
    if (s.state !== OPEN || s.closing) throw new TypeErrorOf('the stream is closed');
    s.closing = true;
    if (s.queue.length === 0) end(s, CLOSED);
  };
  const read = (s) => {
    s.disturbed = true;
    if (s.queue.length > 0) {
      const [value, size] = apply(shift, s.queue, []);
      s.total -= size;
      if (s.closing && s.queue.length === 0) end(s, CLOSED);
      else pull(s);
      return resolve({ value, done: false });
    }
    if (s.state === FAILED) return rejected(s.error);
    if (s.state === CLOSED) return resolve({ value: undefined, done: true });
    const one = pending();
    apply(push, s.reads, [one]);
    pull(s);
    return one.promise;
  };
  const cancel = async (s, reason) => {
    s.disturbed = true;
    if (s.state === FAILED) throw s.error;
    if (s.state === CLOSED) return;
    end(s, CLOSED);
    await s.cancel?.(reason);
  };

  class ReadableStreamDefaultController {
    #s;
    constructor(key, s) { mustBe(key, 'a controller'); this.#s = s; }
    get desiredSize() { return desired(this.#s); }
    enqueue(chunk) { enqueue(this.#s, chunk); }
    close() { close(this.#s); }
    error(reason) { end(this.#s, FAILED, reason); }
  }

  let stateOf;
  class ReadableStreamDefaultReader {
    #s;
    constructor(stream) {
      const s = stateOf(stream);
      if (s.reader) throw locked();
      s.reader = true;
      this.#s = s;
    }
    get closed() { return this.#s ? this.#s.closed.promise : quiet(rejected(released())); }
    read() { return this.#s ? read(this.#s) : rejected(released()); }
    cancel(reason) { return this.#s ? cancel(this.#s, reason) : rejected(released()); }
    releaseLock() {
      const s = this.#s;
      if (!s) return;
      this.#s = null;
      s.reader = false;
      const reads = s.reads;
      s.reads = [];
      for (let i = 0; i < reads.length; i++) reads[i].reject(released());
    }
  }

  async function* iterate(reader, keeps) {
    let isOver = false;
    try {
      for (;;) {
        isOver = true;
        const { value, done } = await reader.read();
        if (done) return;
        isOver = false;
        yield value;
      }
    } finally {
      if (!isOver && !keeps) await reader.cancel();
      reader.releaseLock();
    }
  }

  class ReadableStream {
    #s;
    constructor(source, strategy) {
      const [mark, size] = strategyOf(strategy, source?.type === 'bytes' ? 0 : 1);
      const s = {
        state: OPEN, error: undefined, queue: [], total: 0, mark, size, reads: [], reader: false, disturbed: false,
        started: false, closing: false, pulling: false, again: false, closed: quietly(),
        pull: methodOf(source, 'pull'), cancel: methodOf(source, 'cancel'),
      };
      this.#s = s;
      s.controller = new ReadableStreamDefaultController(NEW, s);
      const started = methodOf(source, 'start')?.(s.controller);
      onceDone(resolve(started), () => { s.started = true; pull(s); }, (error) => end(s, FAILED, error));
    }
    static {
      stateOf = (stream) => {
        if (typeof stream !== 'object' || stream === null || !(#s in stream)) throw new TypeErrorOf('a ReadableStream is expected');
        return stream.#s;
      };
      shared.isReadable = (value) => typeof value === 'object' && value !== null && #s in value;
      shared.isDisturbed = (stream) => stream.#s.disturbed;
      // For the engine's own use: what was replaced of the class does not matter.
      shared.lock = (stream) => {
        const s = stream.#s;
        if (s.reader) throw locked();
        s.reader = true;
        return [() => read(s), (reason) => quiet(cancel(s, reason))];
      };
    }
    static from(iterable) {
      const method = iterable[asyncIterator] ?? iterable[iterator];
      if (typeof method !== 'function') throw new TypeErrorOf('ReadableStream.from() needs an iterable');
      const values = apply(method, iterable, []);
      return new ReadableStream({
        async pull(controller) {
          const { value, done } = await values.next();
          if (done) controller.close();
          else controller.enqueue(await value);
        },
        async cancel(reason) { await values.return?.(reason); },
      }, { highWaterMark: 0 });
    }
    get locked() { return this.#s.reader; }
    cancel(reason) { return this.#s.reader ? rejected(locked()) : cancel(this.#s, reason); }
    getReader(options) {
      if (options?.mode !== undefined) throw new RangeErrorOf('scripts have no readers of the mode `byob`');
      return new ReadableStreamDefaultReader(this);
    }
    values(options) { return iterate(this.getReader(), options?.preventCancel); }
    [asyncIterator](options) { return this.values(options); }
    tee() {
      const reader = this.getReader();
      const controllers = [];
      let reading = null, left = 2;
      const next = async () => {
        try {
          const { value, done } = await reader.read();
          reading = null;
          for (let i = 0; i < 2; i++) {
            if (!controllers[i]) continue;
            if (done) controllers[i].close();
            else controllers[i].enqueue(value);
          }
        } catch (error) {
          for (let i = 0; i < 2; i++) controllers[i]?.error(error);
        }
      };
      const branch = (at) => new ReadableStream({
        start(controller) { controllers[at] = controller; },
        pull() { return reading ??= next(); },
        cancel(reason) {
          controllers[at] = null;
          return --left === 0 ? reader.cancel(reason) : undefined;
        },
      }, { highWaterMark: 0 });
      return [branch(0), branch(1)];
    }
    async pipeTo(destination, options = {}) {
      const { preventClose, preventAbort, preventCancel, signal } = options;
      const reader = this.getReader();
      const writer = destination.getWriter();
      if (signal) {
        onAbort(signal, (reason) => {
          if (!preventAbort) quiet(writer.abort(reason));
          if (!preventCancel) quiet(reader.cancel(reason));
        });
      }
      try {
        for (;;) {
          try { await writer.ready; } catch (error) {
            if (!preventCancel) quiet(reader.cancel(error));
            throw error;
          }
          let one;
          try { one = await reader.read(); } catch (error) {
            if (!preventAbort) quiet(writer.abort(error));
            throw error;
          }
          signal?.throwIfAborted();
          if (one.done) break;
          quiet(writer.write(one.value));
        }
        if (!preventClose) await writer.close();
      } finally {
        reader.releaseLock();
        writer.releaseLock();
      }
    }
    pipeThrough({ readable, writable }, options) {
      quiet(this.pipeTo(writable, options));
      return readable;
    }
  }

  // For `writable.js`.
  shared.streaming = { NEW, OPEN, CLOSED, FAILED, onceDone, quiet, quietly, pending, methodOf, strategyOf, locked, released, mustBe, desired };

  for (const one of [ReadableStream, ReadableStreamDefaultController, ReadableStreamDefaultReader]) shared.defineClass(one);
})
