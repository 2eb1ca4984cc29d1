// Owns the way of an event through a script that is an HTTP service, and `awslambda`, for handlers that stream their responses.
(function (native, shared) {
  'use strict';
  const { beginResponse, writeResponse, streamResponse, environment, log } = native;
  const { bytesOf, encode, flatHeaders, add, addAll, put, resolve, textOf } = shared;
  const { apply } = Reflect;
  const { shift } = Array.prototype;
  const keysOf = Object.keys;
  const { isArray } = Array;
  const PromiseOf = Promise;
  const then = PromiseOf.prototype.then;
  const TypeErrorOf = TypeError;
  const cancel = ReadableStream.prototype.cancel;
  const Bytes = Uint8Array;
  const NEW = {};

  // Writes to the response. The promise is of whether the caller still reads it.
  const write = (bytes) => new PromiseOf((done) => {
    const written = writeResponse(bytes, done);
    if (written !== undefined) done(written);
  });

  const named = (value) => (value === null ? 'null' : typeof value === 'object' ? 'another object' : typeof value);

  shared.serve = async (service, self, parts, context) => {
    const work = [];
    const failed = (error) => { log('ERROR', ['a promise that was passed to waitUntil() was rejected:', error]); };
    put(context, 'waitUntil', (promise) => { add(work, apply(then, resolve(promise), [undefined, failed])); });
    put(context, 'passThroughOnException', () => {
      throw new TypeErrorOf('passThroughOnException() is not there: no other server is behind a handler; catch the exception');
    });
    const request = shared.requestOf(parts[0], parts[1], parts[2], parts[3]);
    const response = await apply(service, self, [request, environment(), context]);
    if (!shared.isResponse(response)) throw new TypeErrorOf('fetch() must return a Response, and it returned ' + named(response));
    if (shared.isUsed(response)) throw new TypeErrorOf('the body of the response was read already');
    beginResponse([response.status, flatHeaders(response.headers), []], true);
    const body = request.method === 'HEAD' ? shared.bodyOf(response) : null;
    if (body) apply(cancel, body, []);
    else if (request.method !== 'HEAD') await shared.passBody(response, write);
    for (let i = 0; i < work.length; i++) await work[i];
  };

  // A stream as those of Node.js, as far as handlers use it.
  let prepare, finished;
  class ResponseStream {
    #head = 'application/octet-stream'; #isOpen = false; #isBusy = false; #isEnded = false; #waits = false;
    #queue = []; #listeners = { __proto__: null }; #finish; #fail;
    #finished = new PromiseOf((resolve, reject) => { this.#finish = resolve; this.#fail = reject; });
    constructor(key) {
      if (key !== NEW) throw new TypeErrorOf('a response stream comes from awslambda.streamifyResponse()');
      apply(then, this.#finished, [undefined, () => {}]);
    }
    static {
      prepare = (stream, head) => {
        if (stream.#isOpen) throw new TypeErrorOf('the response has begun: its head must be set before the first byte');
        if (typeof head === 'string' && typeof stream.#head === 'object') addAll(stream.#head[1], ['content-type', head]);
        else stream.#head = head;
      };
      finished = (stream) => stream.#finished;
    }
    get writableEnded() { return this.#isEnded; }
    get writableFinished() { return this.#isEnded && this.#queue.length === 0 && !this.#isBusy; }
    get writableNeedDrain() { return this.#waits; }
    setContentType(type) { prepare(this, textOf(type)); }
    write(chunk, encoding, callback) {
      if (this.#isEnded) throw new TypeErrorOf('the response has ended');
      const bytes = typeof chunk === 'string' ? encode(chunk) : bytesOf(chunk);
      if (!bytes) throw new TypeErrorOf('a response is written as text or bytes');
      this.#open();
      if (typeof encoding === 'function') callback = encoding;
      // A copy, because it may wait for its turn.
      add(this.#queue, [this.#isBusy ? new Bytes(bytes) : bytes, callback]);
      this.#flush();
      if (this.#isBusy) this.#waits = true;
      return !this.#waits;
    }
    end(chunk, encoding, callback) {
      if (this.#isEnded) return this;
      if (typeof chunk === 'function') { callback = chunk; chunk = undefined; }
      else if (typeof encoding === 'function') callback = encoding;
      if (chunk !== undefined && chunk !== null) this.write(chunk);
      this.#open();
      this.#isEnded = true;
      if (typeof callback === 'function') this.once('finish', callback);
      this.#flush();
      return this;
    }
    destroy(error) {
      this.#isEnded = true;
      this.#queue = [];
      this.#fail(error ?? new TypeErrorOf('the response was destroyed'));
      return this;
    }
    on(name, listener) {
      add(this.#listeners[name] ??= [], listener);
      return this;
    }
    once(name, listener) {
      const once = () => { this.off(name, once); apply(listener, this, []); };
      return this.on(name, once);
    }
    off(name, listener) {
      const left = [];
      const all = this.#listeners[name] ?? [];
      for (let i = 0; i < all.length; i++) if (all[i] !== listener) add(left, all[i]);
      this.#listeners[name] = left;
      return this;
    }
    addListener(name, listener) { return this.on(name, listener); }
    removeListener(name, listener) { return this.off(name, listener); }
    #emit(name) {
      const all = this.#listeners[name] ?? [];
      for (let i = 0; i < all.length; i++) apply(all[i], this, []);
    }
    #open() {
      if (this.#isOpen) return;
      beginResponse(this.#head, false);
      this.#isOpen = true;
    }
    #flush() {
      while (!this.#isBusy && this.#queue.length > 0) {
        const next = apply(shift, this.#queue, []);
        const callback = next[1];
        const isDone = typeof callback === 'function' ? () => { callback(); } : () => {};
        const written = writeResponse(next[0], () => {
          this.#isBusy = false;
          isDone();
          this.#flush();
          if (this.#waits && !this.#isBusy) { this.#waits = false; this.#emit('drain'); }
        });
        if (written === undefined) this.#isBusy = true;
        else apply(then, resolve(), [isDone]);
      }
      if (this.#isEnded && !this.#isBusy) {
        this.#finish();
        this.#emit('finish');
        this.#emit('close');
        this.#listeners = { __proto__: null };
      }
    }
  }

  const stream = async (handler, event, context) => {
    streamResponse();
    const response = new ResponseStream(NEW);
    const returned = handler(event, response, context);
    // As in Lambda's Node.js, a handler that returns no promise answers until it has ended its response.
    if (returned !== null && typeof returned === 'object' && typeof returned.then === 'function') {
      await returned;
      response.end();
    }
    await finished(response);
  };
  shared.define('awslambda', {
    streamifyResponse(handler) {
      if (typeof handler !== 'function') throw new TypeErrorOf('awslambda.streamifyResponse() needs a function');
      return (event, context) => stream(handler, event, context);
    },
    HttpResponseStream: {
      from(response, head = { __proto__: null }) {
        const { statusCode = 200, headers = {}, cookies = [] } = head;
        const flat = [], all = [];
        const names = keysOf(headers);
        for (let i = 0; i < names.length; i++) addAll(flat, [names[i], textOf(headers[names[i]])]);
        if (!isArray(cookies)) throw new TypeErrorOf('cookies must be an array of texts');
        addAll(all, cookies);
        prepare(response, [+statusCode, flat, all]);
        return response;
      },
    },
  });
})
