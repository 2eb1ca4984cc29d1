// Owns `ReadableStream` with its reader, controller and iterator, as the standard has them, and what `writable.js` needs of them. Byte
// streams have no readers of their own. What the streams pass on inside is never the value of a promise, so no `then` that a script has
// put anywhere sees it.
(function (native, shared) {
  'use strict';
  const { resolve, textOf, add } = shared;
  const { apply } = Reflect;
  const { shift } = Array.prototype;
  const { defineProperty, getPrototypeOf, setPrototypeOf } = Object;
  const { asyncIterator, iterator, toStringTag } = Symbol;
  const PromiseOf = Promise;
  const then = PromiseOf.prototype.then;
  const rejected = PromiseOf.reject.bind(PromiseOf);
  const pending = PromiseOf.withResolvers.bind(PromiseOf);
  const soon = queueMicrotask;
  const TypeErrorOf = TypeError;
  const RangeErrorOf = RangeError;
  const NEW = {};
  // The states of both kinds; only a `WritableStream` is breaking, which is before it has failed.
  const OPEN = 0, CLOSED = 1, FAILED = 2, BREAKING = 3;

  const nothing = () => {};
  const react = (promise, done, failed) => apply(then, promise, [done, failed]);
  // A rejection that the script need not look at.
  const quiet = (promise) => { react(promise, nothing, nothing); return promise; };
  // A promise that is kept, to be settled once.
  const unsettled = () => { const { promise, resolve, reject } = pending(); return { promise, resolve, reject, isOpen: true }; };
  const fulfil = (one) => { one.isOpen = false; one.resolve(); };
  // Returns the promise that is rejected: another one if it was settled before.
  const refuse = (one, error) => {
    if (!one.isOpen) one = unsettled();
    one.isOpen = false;
    quiet(one.promise);
    one.reject(error);
    return one;
  };

  const isObject = (value) => typeof value === 'object' && value !== null || typeof value === 'function';
  const objectOf = (value, what) => {
    if (value === undefined) return { __proto__: null };
    if (!isObject(value)) throw new TypeErrorOf(what + ' must be an object');
    return value;
  };
  const optionsOf = (value) => objectOf(value ?? undefined, 'the second argument');
  const functionOf = (object, name) => {
    const value = object[name];
    if (value !== undefined && typeof value !== 'function') throw new TypeErrorOf(name + ' must be a function');
    return value;
  };
  // A method of a source or the like, as a function that returns a promise and throws nothing.
  const methodOf = (object, name) => {
    const method = functionOf(object, name);
    return method && (async (...values) => apply(method, object, values));
  };
  const run = (method, values) => (method ? apply(method, undefined, values) : resolve());
  // Calls the `start` of a source or sink, which may throw. The promise is of what it returns.
  const begin = (s, start, object) => {
    const begun = start ? apply(start, object, [s.controller]) : s.begun;
    return new PromiseOf((done) => done(begun));
  };
  const strategyOf = (strategy) => {
    strategy = objectOf(strategy ?? undefined, 'a strategy');
    const given = strategy.highWaterMark;
    const mark = given === undefined ? undefined : +given;
    const size = functionOf(strategy, 'size');
    if (mark !== undefined && !(mark >= 0)) throw new RangeErrorOf('highWaterMark must be a number from 0');
    return { mark, size };
  };
  const sizeOf = (s, chunk) => (s.size ? +apply(s.size, undefined, [chunk]) : 1);
  const put = (s, chunk, size) => {
    if (!(size >= 0 && size < Infinity)) throw new RangeErrorOf('the size of a chunk must be a number from 0');
    add(s.queue, { chunk, size });
    s.total += size;
  };
  const take = (s) => {
    const { chunk, size } = apply(shift, s.queue, []);
    s.total -= size;
    // Fractions are not exact.
    if (s.total < 0) s.total = 0;
    return chunk;
  };
  const clear = (s) => { s.queue = []; s.total = 0; };
  const desired = (s) => (s.state === OPEN ? s.mark - s.total : s.state === CLOSED ? 0 : null);
  const locked = () => new TypeErrorOf('the stream is locked: it has a reader or a writer already');
  const released = () => new TypeErrorOf('the stream was released');
  const closed = () => new TypeErrorOf('the stream is closed');
  const mustBe = (key) => { if (key !== NEW) throw new TypeErrorOf('a controller comes from a stream'); };
  const unlocked = (s, holder) => {
    if (s[holder]) throw locked();
    return s;
  };
  // The stream of a reader or writer.
  const held = (holder) => {
    if (!holder.s) throw released();
    return holder.s;
  };

  // Reading. `s` is a stream, and `r` a reader of one.
  const stateOf = (pull, cancel, mark, size) => ({
    state: OPEN, error: undefined, queue: [], total: 0, mark, size, reader: undefined, disturbed: false,
    begun: undefined, started: false, closing: false, pulling: false, again: false, controller: undefined, pull, cancel,
  });
  const takesMore = (s) => s.state === OPEN && !s.closing;
  const open = (s) => {
    if (!takesMore(s)) throw closed();
    return s;
  };
  // A read is a function that is called with a chunk, or with the state in which the stream has ended before.
  const endReads = (r, end, error) => {
    const reads = r.reads;
    r.reads = [];
    for (let i = 0; i < reads.length; i++) reads[i](error, end);
  };
  const finish = (s) => {
    s.state = CLOSED;
    if (!s.reader) return;
    fulfil(s.reader.closed);
    endReads(s.reader, CLOSED);
  };
  const fail = (s, error) => {
    if (s.state !== OPEN) return;
    clear(s);
    s.state = FAILED;
    s.error = error;
    if (!s.reader) return;
    refuse(s.reader.closed, error);
    endReads(s.reader, FAILED, error);
  };
  const wantsMore = (s) => takesMore(s) && s.started && (s.reader !== undefined && s.reader.reads.length > 0 || s.mark > s.total);
  const pull = (s) => {
    if (!s.pull || !wantsMore(s)) return;
    if (s.pulling) { s.again = true; return; }
    s.pulling = true;
    react(s.pull(s.controller), () => {
      s.pulling = false;
      if (s.again) { s.again = false; pull(s); }
    }, (error) => fail(s, error));
  };
  const enqueue = (s, chunk) => {
    if (!takesMore(s)) return;
    if (s.reader && s.reader.reads.length > 0) {
      apply(shift, s.reader.reads, [])(chunk);
    } else {
      try { put(s, chunk, sizeOf(s, chunk)); } catch (error) { fail(s, error); throw error; }
    }
    pull(s);
  };
  const close = (s) => {
    if (!takesMore(s)) return;
    s.closing = true;
    if (s.queue.length === 0) finish(s);
  };
  const read = (s, one) => {
    s.disturbed = true;
    if (s.state !== OPEN) {
      one(s.error, s.state);
    } else if (s.queue.length > 0) {
      const chunk = take(s);
      if (s.closing && s.queue.length === 0) finish(s);
      else pull(s);
      one(chunk);
    } else {
      add(s.reader.reads, one);
      pull(s);
    }
  };
  const cancel = (s, reason) => {
    s.disturbed = true;
    if (s.state === CLOSED) return resolve();
    if (s.state === FAILED) return rejected(s.error);
    finish(s);
    clear(s);
    return react(run(s.cancel, [reason]), nothing);
  };
  const acquire = (s) => {
    const r = { s, reads: [], closed: unsettled() };
    unlocked(s, 'reader').reader = r;
    if (s.state === CLOSED) fulfil(r.closed);
    if (s.state === FAILED) refuse(r.closed, s.error);
    return r;
  };
  const release = (r) => {
    const error = released();
    r.closed = refuse(r.closed, error);
    r.s.reader = r.s = undefined;
    endReads(r, FAILED, error);
  };

  class ReadableStreamDefaultController {
    #s;
    constructor(key, s) { mustBe(key); this.#s = s; }
    get desiredSize() { return desired(this.#s); }
    enqueue(chunk) { enqueue(open(this.#s), chunk); }
    close() { close(open(this.#s)); }
    error(reason) { fail(this.#s, reason); }
  }

  let of;
  const item = (value, done = false) => ({ value, done });
  class ReadableStreamDefaultReader {
    #r;
    constructor(stream) { this.#r = acquire(of(stream)); }
    get closed() { try { return this.#r.closed.promise; } catch (error) { return rejected(error); } }
    read() {
      const { promise, resolve, reject } = pending();
      try {
        read(held(this.#r), (value, end) => (end === FAILED ? reject(value) : resolve(item(value, end === CLOSED))));
      } catch (error) { reject(error); }
      return promise;
    }
    cancel(reason) { try { return cancel(held(this.#r), reason); } catch (error) { return rejected(error); } }
    releaseLock() { if (this.#r.s) release(this.#r); }
  }

  // Each step of an iterator begins when the one before it has ended.
  const END = { __proto__: null };
  class Iterator {
    #r; #keeps; #last; #isOver = false;
    constructor(r, keeps) { this.#r = r; this.#keeps = keeps; }
    #add(step) { return this.#last = this.#last ? react(this.#last, step, step) : step(); }
    #read() {
      if (this.#isOver) return resolve(item(undefined, true));
      const { promise, resolve: found, reject } = pending();
      const r = this.#r;
      read(r.s, (value, end) => {
        if (end) release(r);
        if (end === FAILED) reject(value);
        else found(end ? END : value);
      });
      return react(promise, (value) => {
        this.#last = undefined;
        this.#isOver = value === END;
        return this.#isOver ? item(undefined, true) : item(value);
      }, (error) => {
        this.#last = undefined;
        this.#isOver = true;
        throw error;
      });
    }
    #end(value) {
      if (this.#isOver) return resolve();
      this.#isOver = true;
      const ended = this.#keeps ? resolve() : cancel(this.#r.s, value);
      release(this.#r);
      return ended;
    }
    next() { try { return this.#add(() => this.#read()); } catch (error) { return rejected(error); } }
    return(value) {
      try { return react(this.#add(() => this.#end(value)), () => item(value, true)); } catch (error) { return rejected(error); }
    }
  }
  delete Iterator.prototype.constructor;
  for (const name of ['next', 'return']) defineProperty(Iterator.prototype, name, { enumerable: true });
  defineProperty(Iterator.prototype, toStringTag, { value: 'ReadableStream AsyncIterator', configurable: true });
  setPrototypeOf(Iterator.prototype, getPrototypeOf(getPrototypeOf(async function* () {}).prototype));

  // Two streams of what one has; with `copy`, the second one has copies.
  const tee = (s, copy) => {
    const r = acquire(s);
    const ended = pending();
    const gone = [false, false], reasons = [undefined, undefined];
    let isReading = false, again = false;
    const endBoth = (call, error) => {
      for (let i = 0; i < 2; i++) if (!gone[i]) call(branches[i], error);
      if (!gone[0] || !gone[1]) ended.resolve();
    };
    const pull = () => {
      if (isReading) { again = true; return resolve(); }
      isReading = true;
      read(s, (chunk, end) => {
        if (end) {
          isReading = false;
          if (end === CLOSED) endBoth(close);
          return;
        }
        soon(() => {
          again = false;
          let second = chunk;
          try { if (copy) second = copy(chunk); } catch (error) { quiet(cancel(s, error)); return endBoth(fail, error); }
          if (!gone[0]) enqueue(branches[0], chunk);
          if (!gone[1]) enqueue(branches[1], second);
          isReading = false;
          if (again) pull();
        });
      });
      return resolve();
    };
    const branchOf = (i) => stateOf(pull, (reason) => {
      gone[i] = true;
      reasons[i] = reason;
      if (gone[0] && gone[1]) ended.resolve(cancel(s, reasons));
      return ended.promise;
    }, 1);
    const branches = [branchOf(0), branchOf(1)];
    const streams = [new ReadableStream(NEW, branches[0]), new ReadableStream(NEW, branches[1])];
    react(r.closed.promise, nothing, (error) => endBoth(fail, error));
    return streams;
  };

  const fromIterable = (iterable) => {
    const given = iterable[asyncIterator] ?? undefined;
    const method = given ?? iterable[iterator];
    if (typeof method !== 'function') throw new TypeErrorOf('ReadableStream.from() needs an iterable');
    const checked = (result) => {
      if (!isObject(result)) throw new TypeErrorOf('an iterator, and its results, must be objects');
      return result;
    };
    const values = checked(apply(method, iterable, []));
    const next = values.next;
    const s = stateOf(async () => {
      const returned = apply(next, values, []);
      const result = checked(given ? await returned : returned);
      if (result.done) return close(s);
      const value = given ? result.value : await result.value;
      enqueue(s, value);
    }, async (reason) => {
      const end = values.return ?? undefined;
      if (end === undefined) return;
      const returned = apply(end, values, [reason]);
      checked(given ? await returned : returned);
    }, 0);
    return new ReadableStream(NEW, s);
  };

  class ReadableStream {
    #s;
    constructor(source, strategy) {
      let s = strategy, start;
      if (source !== NEW) {
        source = objectOf(source, 'a source');
        const { mark, size } = strategyOf(strategy), cancel = methodOf(source, 'cancel'), pull = methodOf(source, 'pull');
        start = functionOf(source, 'start');
        const type = source.type;
        if (type !== undefined && textOf(type) !== 'bytes') throw new TypeErrorOf('the type of a source must be bytes');
        if (type !== undefined && size) throw new RangeErrorOf('a stream of bytes has no size()');
        s = stateOf(pull, cancel, mark ?? (type === undefined ? 1 : 0), size);
      }
      this.#s = s;
      s.controller = new ReadableStreamDefaultController(NEW, s);
      react(begin(s, start, source), () => { s.started = true; pull(s); }, (error) => fail(s, error));
    }
    static {
      shared.isReadable = (value) => typeof value === 'object' && value !== null && #s in value;
      of = (stream) => {
        if (!shared.isReadable(stream)) throw new TypeErrorOf('a ReadableStream is expected');
        return stream.#s;
      };
      shared.isDisturbed = (stream) => stream.#s.disturbed;
      shared.isLocked = (stream) => stream.#s.reader !== undefined;
      // Whoever has these functions is the reader.
      shared.lock = (stream) => {
        const s = stream.#s;
        acquire(s);
        return {
          read: () => new PromiseOf((found, failed) => read(s, (value, end) => (
            end === FAILED ? failed(value) : found({ __proto__: null, value, done: end === CLOSED })))),
          cancel: (reason) => quiet(cancel(s, reason)),
        };
      };
      shared.tee = (stream) => tee(stream.#s, native.clone);
      // A stream of chunks that `pull` gives to the function that it is called with, and `undefined` at the end.
      shared.streamOf = (pull, cancel) => {
        const s = stateOf(() => pull((chunk) => (chunk === undefined ? close(s) : enqueue(s, chunk))), cancel, 0);
        return new ReadableStream(NEW, s);
      };
    }
    static from(iterable) { return fromIterable(iterable); }
    get locked() { return this.#s.reader !== undefined; }
    cancel(reason) { try { return cancel(unlocked(this.#s, 'reader'), reason); } catch (error) { return rejected(error); } }
    getReader(options) {
      const mode = optionsOf(options).mode;
      if (mode !== undefined) throw new TypeErrorOf(textOf('scripts have no readers of the mode \x60', mode, '\x60'));
      return new ReadableStreamDefaultReader(this);
    }
    values(options) {
      const keeps = !!optionsOf(options).preventCancel;
      return new Iterator(acquire(this.#s), keeps);
    }
    tee() { return tee(this.#s); }
    pipeTo(destination, options) {
      try { return shared.pipe(this.#s, shared.writableOf(destination), optionsOf(options)); } catch (error) { return rejected(error); }
    }
    pipeThrough(pair, options) {
      const s = this.#s;
      const { readable } = pair;
      of(readable);
      quiet(shared.pipe(s, shared.writableOf(pair.writable), optionsOf(options)));
      return readable;
    }
  }
  defineProperty(ReadableStream.prototype, asyncIterator, { value: ReadableStream.prototype.values, writable: true, configurable: true });

  // For `writable.js`.
  shared.streaming = {
    NEW, OPEN, CLOSED, FAILED, BREAKING, nothing, react, pending, unsettled, fulfil, refuse, rejected, soon, isObject, objectOf,
    functionOf, methodOf, run, begin, strategyOf, sizeOf, put, take, clear, desired, released, closed, mustBe, unlocked, held,
    stateOf, open, wantsMore, fail, enqueue, close, read, cancel, acquire, release,
  };

  for (const one of [ReadableStream, ReadableStreamDefaultController, ReadableStreamDefaultReader]) shared.defineClass(one);
})
