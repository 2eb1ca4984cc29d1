// Owns `WritableStream` and `TransformStream` with what belongs to them, both strategies, and the pipes between streams.
(function (native, shared) {
  'use strict';
  const {
    NEW, OPEN, CLOSED, FAILED, BREAKING, nothing, react, pending, unsettled, fulfil, refuse, rejected, soon, isObject, objectOf,
    functionOf, methodOf, run, begin, strategyOf, sizeOf, put, take, clear, desired, released, closed, mustBe, unlocked, held,
    stateOf, open, wantsMore, fail, enqueue, close, read, cancel, acquire, release,
  } = shared.streaming;
  const { resolve, add } = shared;
  const { apply } = Reflect;
  const { shift } = Array.prototype;
  const PromiseOf = Promise;
  const TypeErrorOf = TypeError;
  const RangeErrorOf = RangeError;
  const Readable = ReadableStream;
  const Aborter = AbortController;
  const abortAll = Aborter.prototype.abort;
  // What ends a queue.
  const END = {};

  // Writing. `s` is a stream, and `w` a writer of one.
  const writableState = (write, close, abort, mark, size) => ({
    state: OPEN, error: undefined, queue: [], total: 0, mark, size, writer: undefined, started: false, isFull: mark === 0,
    writes: [], writing: undefined, last: undefined, closing: undefined, aborting: undefined, aborter: undefined,
    begun: undefined, controller: undefined, write, close, abort,
  });
  // `last` is the close that is asked for, and `closing` the one that is under way.
  const isEnding = (s) => s.last !== undefined || s.closing !== undefined;
  const takesChunks = (s) => s.state === OPEN && !isEnding(s);
  const end = (s) => {
    if (s.last) { s.last.reject(s.error); s.last = undefined; }
    if (s.writer) refuse(s.writer.closed, s.error);
  };
  const finishBreaking = (s) => {
    s.state = FAILED;
    clear(s);
    const writes = s.writes;
    s.writes = [];
    for (let i = 0; i < writes.length; i++) writes[i].reject(s.error);
    const aborting = s.aborting;
    if (!aborting) return end(s);
    s.aborting = undefined;
    if (aborting.isLate) {
      aborting.one.reject(s.error);
      return end(s);
    }
    react(run(s.abort, [aborting.reason]), () => { aborting.one.resolve(); end(s); }, (error) => { aborting.one.reject(error); end(s); });
  };
  const breakOff = (s, error) => {
    if (s.state !== OPEN) return;
    s.state = BREAKING;
    s.error = error;
    if (s.writer) s.writer.ready = refuse(s.writer.ready, error);
    if (!s.writing && !s.closing && s.started) finishBreaking(s);
  };
  const broken = (s, error) => (s.state === OPEN ? breakOff(s, error) : finishBreaking(s));
  const setFull = (s, isFull) => {
    if (s.writer && isFull !== s.isFull) {
      if (isFull) s.writer.ready = unsettled();
      else fulfil(s.writer.ready);
    }
    s.isFull = isFull;
  };
  const finishClosing = (s, isFailed, error) => {
    const { closing, aborting } = s;
    s.closing = s.aborting = undefined;
    if (isFailed) {
      closing.reject(error);
      if (aborting) aborting.one.reject(error);
      return broken(s, error);
    }
    closing.resolve();
    if (aborting) aborting.one.resolve();
    s.state = CLOSED;
    if (s.writer) fulfil(s.writer.closed);
  };
  // Does what is next in the queue.
  const advance = (s) => {
    if (!s.started || s.writing || s.closing) return;
    if (s.state === BREAKING) return finishBreaking(s);
    if (s.queue.length === 0) return;
    const { chunk } = s.queue[0];
    if (chunk === END) {
      s.closing = s.last;
      s.last = undefined;
      take(s);
      react(run(s.close, []), () => finishClosing(s, false), (error) => finishClosing(s, true, error));
      return;
    }
    const writing = s.writing = apply(shift, s.writes, []);
    react(run(s.write, [chunk, s.controller]), () => {
      writing.resolve();
      s.writing = undefined;
      take(s);
      if (takesChunks(s)) setFull(s, s.mark <= s.total);
      advance(s);
    }, (error) => {
      writing.reject(error);
      s.writing = undefined;
      broken(s, error);
    });
  };
  const write = (w, chunk) => {
    const s = held(w);
    let size = 1;
    try { size = sizeOf(s, chunk); } catch (error) { breakOff(s, error); }
    if (w.s !== s) return rejected(released());
    if (s.state === FAILED || s.state === BREAKING && !isEnding(s)) return rejected(s.error);
    if (!takesChunks(s)) return rejected(closed());
    const one = pending();
    add(s.writes, one);
    try { put(s, chunk, size); } catch (error) {
      breakOff(s, error);
      return one.promise;
    }
    setFull(s, s.mark <= s.total);
    advance(s);
    return one.promise;
  };
  const finish = (s) => {
    if (isEnding(s) || s.state === CLOSED || s.state === FAILED) return rejected(closed());
    s.last = pending();
    if (s.writer && s.isFull && s.state === OPEN) fulfil(s.writer.ready);
    put(s, END, 0);
    const { promise } = s.last;
    advance(s);
    return promise;
  };
  const abort = (s, reason) => {
    const isOver = () => s.state === CLOSED || s.state === FAILED;
    if (isOver()) return resolve();
    apply(abortAll, s.aborter ??= new Aborter(), [reason]);
    // Listeners of its signal may have done anything.
    if (isOver()) return resolve();
    if (s.aborting) return s.aborting.one.promise;
    const isLate = s.state === BREAKING;
    const one = pending();
    s.aborting = { one, isLate, reason: isLate ? undefined : reason };
    if (!isLate) breakOff(s, reason);
    return one.promise;
  };
  const acquireWriter = (s) => {
    const w = { s, ready: unsettled(), closed: unsettled() };
    unlocked(s, 'writer').writer = w;
    if (s.state === BREAKING || s.state === FAILED) refuse(w.ready, s.error);
    else if (!s.isFull || !takesChunks(s)) fulfil(w.ready);
    if (s.state === CLOSED) fulfil(w.closed);
    if (s.state === FAILED) refuse(w.closed, s.error);
    return w;
  };
  const releaseWriter = (w) => {
    const error = released();
    w.ready = refuse(w.ready, error);
    w.closed = refuse(w.closed, error);
    w.s.writer = w.s = undefined;
  };

  class WritableStreamDefaultController {
    #s;
    constructor(key, s) { mustBe(key); this.#s = s; }
    get signal() { return shared.signalOf(this.#s.aborter ??= new Aborter()); }
    error(reason) { breakOff(this.#s, reason); }
  }

  let of;
  class WritableStreamDefaultWriter {
    #w;
    constructor(stream) { this.#w = acquireWriter(of(stream)); }
    get closed() { try { return this.#w.closed.promise; } catch (error) { return rejected(error); } }
    get ready() { try { return this.#w.ready.promise; } catch (error) { return rejected(error); } }
    get desiredSize() { return desired(held(this.#w)); }
    write(chunk) { try { return write(this.#w, chunk); } catch (error) { return rejected(error); } }
    close() { try { return finish(held(this.#w)); } catch (error) { return rejected(error); } }
    abort(reason) { try { return abort(held(this.#w), reason); } catch (error) { return rejected(error); } }
    releaseLock() { if (this.#w.s) releaseWriter(this.#w); }
  }

  class WritableStream {
    #s;
    constructor(sink, strategy) {
      let s = strategy, start;
      if (sink !== NEW) {
        sink = objectOf(sink, 'a sink');
        const { mark = 1, size } = strategyOf(strategy);
        const abort = methodOf(sink, 'abort'), close = methodOf(sink, 'close');
        start = functionOf(sink, 'start');
        const type = sink.type;
        s = writableState(methodOf(sink, 'write'), close, abort, mark, size);
        if (type !== undefined) throw new RangeErrorOf('a sink has no type');
      }
      this.#s = s;
      s.controller = new WritableStreamDefaultController(NEW, s);
      const started = (next, error) => { s.started = true; next(s, error); };
      react(begin(s, start, sink), () => started(advance), (error) => started(broken, error));
    }
    static {
      of = shared.writableOf = (stream) => {
        if (!isObject(stream) || !(#s in stream)) throw new TypeErrorOf('a WritableStream is expected');
        return stream.#s;
      };
    }
    get locked() { return this.#s.writer !== undefined; }
    getWriter() { return new WritableStreamDefaultWriter(this); }
    close() { try { return finish(unlocked(this.#s, 'writer')); } catch (error) { return rejected(error); } }
    abort(reason) { try { return abort(unlocked(this.#s, 'writer'), reason); } catch (error) { return rejected(error); } }
  }
  // Pipes the readable stream `s` into the writable stream `d`.
  shared.pipe = (s, d, options) => {
    const keeps = { abort: !!options.preventAbort, cancel: !!options.preventCancel, close: !!options.preventClose };
    const signal = options.signal;
    if (signal !== undefined && !shared.isSignal(signal)) throw new TypeErrorOf('the signal must be an AbortSignal');
    unlocked(d, 'writer');
    const r = acquire(s), w = acquireWriter(d);
    s.disturbed = true;
    const piped = pending();
    let isOver = false, last = resolve();
    const written = () => {
      const before = last;
      return react(before, () => (before === last ? undefined : written()));
    };
    const settle = (isFailed, error) => {
      releaseWriter(w);
      release(r);
      if (isFailed) piped.reject(error);
      else piped.resolve();
    };
    // Ends the pipe once what was read is written, and after an action.
    const stop = (action, isFailed, error) => {
      if (isOver) return;
      isOver = true;
      const act = () => react(action ? action() : resolve(), () => settle(isFailed, error), (other) => settle(true, other));
      if (takesChunks(d)) react(written(), act);
      else act();
    };
    const sourceFailed = (error) => stop(keeps.abort ? undefined : () => abort(d, error), true, error);
    const destinationFailed = (error) => stop(keeps.cancel ? undefined : () => cancel(s, error), true, error);
    const closeDestination = () => {
      if (isEnding(d) || d.state === CLOSED) return resolve();
      return d.state === FAILED ? rejected(d.error) : finish(d);
    };
    const sourceClosed = () => stop(keeps.close ? undefined : closeDestination, false);
    if (signal) {
      shared.onAbort(signal, (reason) => stop(() => new PromiseOf((done, failed) => {
        let left = 2;
        const one = () => { if (--left === 0) done(); };
        react(keeps.abort || d.state !== OPEN ? resolve() : abort(d, reason), one, failed);
        react(keeps.cancel || s.state !== OPEN ? resolve() : cancel(s, reason), one, failed);
      }), true, reason));
    }
    if (s.state === FAILED) sourceFailed(s.error);
    if (d.state === FAILED) destinationFailed(d.error);
    if (s.state === CLOSED) sourceClosed();
    if (isEnding(d) || d.state === CLOSED) destinationFailed(closed());
    react(r.closed.promise, sourceClosed, sourceFailed);
    react(w.closed.promise, nothing, destinationFailed);
    const next = () => {
      if (isOver) return;
      react(w.ready.promise, () => {
        if (isOver) return;
        read(s, (chunk, end) => {
          if (!end) soon(() => {
            if (w.s) last = react(write(w, chunk), nothing, nothing);
            next();
          });
        });
      }, nothing);
    };
    next();
    return piped.promise;
  };

  // Transforming. `t` has both streams: `s` that is read, and `d` that is written.
  const setWaits = (t, waits) => {
    t.change?.resolve();
    t.change = pending();
    t.waits = waits;
  };
  const breakWriting = (t, error) => {
    breakOff(t.d, error);
    if (t.waits) setWaits(t, false);
  };
  const breakBoth = (t, error) => {
    fail(t.s, error);
    breakWriting(t, error);
  };
  const pass = (t, chunk) => {
    open(t.s);
    try { enqueue(t.s, chunk); } catch (error) {
      breakWriting(t, error);
      throw t.s.error;
    }
    if (!wantsMore(t.s) && !t.waits) setWaits(t, true);
  };
  const transform = (t, chunk) =>
    react(t.transform ? t.transform(chunk, t.controller) : new PromiseOf((done) => done(pass(t, chunk))), nothing, (error) => {
      breakBoth(t, error);
      throw error;
    });
  const writeTransform = (t, chunk) => {
    if (!t.waits) return transform(t, chunk);
    return react(t.change.promise, () => {
      if (t.d.state === BREAKING) throw t.d.error;
      return transform(t, chunk);
    });
  };
  const failSide = (t, side, error) => (side === t.s ? fail(side, error) : breakWriting(t, error));
  // Ends once: runs a method, and then lets the other side end, or fail.
  const endTransform = (t, method, value, side, done) => {
    if (t.end) return t.end.promise;
    const one = t.end = pending();
    react(run(method, [value]), () => {
      if (side.state === FAILED) return one.reject(side.error);
      if (done) done(side);
      else failSide(t, side, value);
      one.resolve();
    }, (error) => { failSide(t, side, error); one.reject(error); });
    return one.promise;
  };

  class TransformStreamDefaultController {
    #t;
    constructor(key, t) { mustBe(key); this.#t = t; }
    get desiredSize() { return desired(this.#t.s); }
    enqueue(chunk) { pass(this.#t, chunk); }
    error(reason) { breakBoth(this.#t, reason); }
    terminate() {
      close(this.#t.s);
      breakWriting(this.#t, new TypeErrorOf('the stream was terminated'));
    }
  }

  class TransformStream {
    #readable; #writable;
    constructor(transformer, writableStrategy, readableStrategy) {
      transformer = objectOf(transformer, 'a transformer');
      const written = strategyOf(writableStrategy), read = strategyOf(readableStrategy);
      const cancel = methodOf(transformer, 'cancel'), flush = methodOf(transformer, 'flush');
      const readableType = transformer.readableType;
      const start = functionOf(transformer, 'start');
      const t = {
        transform: methodOf(transformer, 'transform'), controller: undefined, change: undefined, waits: undefined, end: undefined,
        s: undefined, d: undefined,
      };
      if (readableType !== undefined || transformer.writableType !== undefined) throw new RangeErrorOf('a transformer has no types');
      const begun = pending();
      t.d = writableState(
        (chunk) => writeTransform(t, chunk), () => endTransform(t, flush, t.controller, t.s, close),
        (reason) => endTransform(t, cancel, reason, t.s), written.mark ?? 1, written.size,
      );
      t.s = stateOf(() => {
        setWaits(t, false);
        return t.change.promise;
      }, (reason) => endTransform(t, cancel, reason, t.d), read.mark ?? 0, read.size);
      t.s.begun = t.d.begun = begun.promise;
      setWaits(t, true);
      this.#writable = new WritableStream(NEW, t.d);
      this.#readable = new Readable(NEW, t.s);
      t.controller = new TransformStreamDefaultController(NEW, t);
      begun.resolve(start && apply(start, transformer, [t.controller]));
    }
    get readable() { return this.#readable; }
    get writable() { return this.#writable; }
  }

  const strategy = (name, size) => ({ [name]: class {
    #mark;
    constructor(init) {
      const mark = objectOf(init, 'the argument of a strategy').highWaterMark;
      if (mark === undefined) throw new TypeErrorOf('a strategy needs a highWaterMark');
      this.#mark = +mark;
    }
    get highWaterMark() { return this.#mark; }
    get size() { return this.#mark === undefined ? undefined : size; }
  } })[name];
  const CountQueuingStrategy = strategy('CountQueuingStrategy', { size() { return 1; } }.size);
  const ByteLengthQueuingStrategy = strategy('ByteLengthQueuingStrategy', { size(chunk) { return chunk.byteLength; } }.size);

  for (const one of [
    WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter, TransformStream, TransformStreamDefaultController,
    CountQueuingStrategy, ByteLengthQueuingStrategy,
  ]) shared.defineClass(one);
})
