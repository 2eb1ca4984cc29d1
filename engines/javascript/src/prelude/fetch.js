// Owns `Request`, `Response`, `fetch`, and the bodies that they have.
(function (native, shared) {
  'use strict';
  const { send, cancel, readBody, parseJson } = native;
  const {
    bytesOf, encode, decodeText, flatHeaders, headersOf, isSignal, onAbort, define, isReadable, isDisturbed, isLocked, lock, streamOf,
    streamOfBytes, textOf, lengthOf, bufferOf, headerOf, setHeader, removeHeader, hrefOf, originOf, add,
  } = shared;
  const { apply } = Reflect;
  const { toUpperCase } = String.prototype;
  const exec = RegExp.prototype.exec;
  const Aborter = AbortController;
  const { defineProperty } = Object;
  const PromiseOf = Promise;
  const TypeErrorOf = TypeError;
  const RangeErrorOf = RangeError;
  const HeadersOf = Headers;
  const UrlOf = URL;
  const stringify = JSON.stringify;
  const Bytes = Uint8Array;

  // The bytes of a body that was given, the content type that it implies, and the stream if it is one.
  const extracted = (body) => {
    if (body === undefined || body === null) return [null, null, null];
    if (isReadable(body)) {
      if (isLocked(body) || isDisturbed(body)) throw new TypeErrorOf('the stream of the body is locked, or was read already');
      return [null, null, body];
    }
    const bytes = bytesOf(body);
    // A copy, so that a later change of the buffer has no effect.
    if (bytes) return [new Bytes(bytes), null, null];
    const blob = shared.bytesOfBlob(body);
    if (blob) return [new Bytes(blob), shared.typeOfBlob(body) || null, null];
    const query = shared.queryOf(body);
    if (query !== undefined) return [encode(query), 'application/x-www-form-urlencoded;charset=UTF-8', null];
    return [encode(body), 'text/plain;charset=UTF-8', null];
  };

  // A body that Rust reads. It ends with the signal of its request.
  const arrivingOf = (number, signal) => {
    const arriving = { number, isAborted: false, reason: undefined, reject: null };
    onAbort(signal, (reason) => {
      cancel(number);
      arriving.isAborted = true;
      arriving.reason = reason;
      arriving.reject?.(reason);
    });
    return arriving;
  };
  // What a promise is fulfilled with, so that no `then` of a script's sees it.
  const boxed = (value) => ({ __proto__: null, value });
  const readOf = (arriving, isWhole) =>
    new PromiseOf((resolve, reject) => {
      if (arriving.isAborted) return reject(arriving.reason);
      arriving.reject = reject;
      readBody(arriving.number, isWhole, (bytes) => resolve(boxed(bytes)), reject);
    });
  const streamOfArriving = (arriving) =>
    streamOf(async (give) => give((await readOf(arriving, false)).value), async () => cancel(arriving.number));
  // The bytes of a piece of a body.
  const bytesOfPiece = (piece) => {
    const bytes = bytesOf(piece);
    if (!bytes) throw new TypeErrorOf('a body is a stream of Uint8Array, and this one has a ' + typeof piece + '; use TextEncoder for text');
    return bytes;
  };
  // Calls `each` with each piece, until it returns false.
  const forEachPiece = async (stream, each) => {
    const reader = lock(stream);
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        if (!await each(bytesOfPiece(value))) break;
      }
      reader.cancel();
    } catch (error) {
      reader.cancel(error);
      throw error;
    }
  };
  const collect = async (stream) => {
    const pieces = [];
    await forEachPiece(stream, (bytes) => { add(pieces, bytes); return true; });
    return boxed(shared.join(pieces));
  };

  // A body is `bytes`, `arriving`, a `stream`, or nothing.
  class Body {
    #bytes = null; #arriving = null; #stream = null; #used = false;
    static {
      shared.setBody = (self, bytes, arriving, stream) => {
        self.#bytes = bytes;
        self.#arriving = arriving;
        self.#stream = stream;
      };
      shared.copyBody = (from, to) => {
        if (shared.isUsed(from)) throw new TypeErrorOf('the body was read already');
        if (from.#arriving || from.#stream) {
          const both = shared.tee(from.#body());
          shared.setBody(from, null, null, both[0]);
          shared.setBody(to, null, null, both[1]);
        } else {
          to.#bytes = from.#bytes;
        }
      };
      shared.isUsed = (self) => self.#used || self.#stream !== null && isDisturbed(self.#stream);
      shared.bodyOf = (self) => self.#body();
      // The whole body of a request.
      shared.bodyBytes = async (self) => (self.#stream || self.#arriving ? await self.#read() : boxed(self.#bytes));
      // Passes a body on, piece by piece.
      shared.passBody = async (self, each) => {
        if (shared.isUsed(self)) throw new TypeErrorOf('the body of the response was read already');
        if (self.#stream || self.#arriving) await forEachPiece(self.#body(), each);
        else if (self.#bytes) await each(self.#bytes);
      };
    }
    get bodyUsed() { return shared.isUsed(this); }
    get body() { return this.#body(); }
    #body() {
      if (this.#stream === null) {
        if (this.#used) {
          // As its reader has left it.
          this.#stream = streamOfBytes(new Bytes(0));
          lock(this.#stream);
        } else if (this.#arriving) {
          this.#stream = streamOfArriving(this.#arriving);
        } else if (this.#bytes) {
          this.#stream = streamOfBytes(this.#bytes);
        }
      }
      return this.#stream;
    }
    async #read() {
      if (shared.isUsed(this)) throw new TypeErrorOf('the body was read already');
      if (this.#stream) return await collect(this.#stream);
      this.#used = this.#bytes !== null || this.#arriving !== null;
      return this.#arriving ? await readOf(this.#arriving, true) : boxed(this.#bytes ?? new Bytes(0));
    }
    async bytes() { return (await this.#read()).value; }
    async arrayBuffer() {
      const bytes = (await this.#read()).value;
      const buffer = bufferOf(bytes);
      return lengthOf(bytes) === lengthOf(new Bytes(buffer)) ? buffer : bufferOf(new Bytes(bytes));
    }
    async blob() { return shared.blobOf((await this.#read()).value, headerOf(this.headers, 'content-type')); }
    async text() { return decodeText((await this.#read()).value); }
    async json() { return parseJson((await this.#read()).value); }
  }

  const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];
  const methodOf = (method) => {
    method = textOf(method);
    const upper = apply(toUpperCase, method, []);
    for (let i = 0; i < METHODS.length; i++) if (METHODS[i] === upper) return upper;
    return method;
  };

  // Sets a body that was given, and the content type that it implies unless another one is there.
  const setExtracted = (self, body) => {
    shared.setBody(self, body[0], null, body[2]);
    if (body[1] && headerOf(self.headers, 'content-type') === null) setHeader(self.headers, 'content-type', body[1]);
  };

  const RECEIVED = {};
  class Request extends Body {
    constructor(input, init = { __proto__: null }) {
      super();
      const from = input instanceof Request ? input : undefined;
      // The host has read the URL of an event.
      const url = from ? from.url : input === RECEIVED ? init.url : hrefOf(new UrlOf(input));
      const constant = (name, value) => defineProperty(this, name, { __proto__: null, value, enumerable: true });
      constant('url', url);
      constant('method', init.method === undefined ? from?.method ?? 'GET' : methodOf(init.method));
      constant('headers', new HeadersOf(init.headers ?? from?.headers));
      constant('redirect', init.redirect ?? from?.redirect ?? 'follow');
      const signal = init.signal ?? from?.signal;
      if (signal && !isSignal(signal)) throw new TypeErrorOf('the signal must be an AbortSignal');
      constant('signal', signal ?? shared.signalOf(new Aborter()));
      const hasNone = this.method === 'GET' || this.method === 'HEAD';
      if (input === RECEIVED) {
        shared.setBody(this, init.bytes, null, null);
      } else if (init.body !== undefined && init.body !== null) {
        if (hasNone) throw new TypeErrorOf('a request with the method ' + this.method + ' has no body');
        setExtracted(this, extracted(init.body));
      } else if (from) {
        shared.copyBody(from, this);
      }
    }
    clone() { return new Request(this); }
  }

  const STATUS_TEXT = /^[\t\x20-\x7e\x80-\xff]*$/;
  const NO_BODY = { __proto__: null, 101: true, 204: true, 205: true, 304: true };
  class Response extends Body {
    status; statusText; headers; url = ''; redirected = false; type = 'default';
    constructor(body, init = { __proto__: null }) {
      super();
      const status = init.status === undefined ? 200 : +init.status;
      if (!(status >= 200 && status <= 599)) throw new RangeErrorOf(status + ' is not the status of a response: 200 to 599');
      const statusText = textOf(init.statusText ?? '');
      if (!apply(exec, STATUS_TEXT, [statusText])) throw new TypeErrorOf('the statusText has a character that no line of a status has');
      const given = extracted(body);
      if ((given[0] || given[2]) && NO_BODY[status]) throw new TypeErrorOf('a response with the status ' + status + ' has no body');
      this.status = status;
      this.statusText = statusText;
      this.headers = new HeadersOf(init.headers);
      setExtracted(this, given);
    }
    static {
      shared.isResponse = (value) => value instanceof Response;
      shared.requestOf = (method, url, flat, bytes) =>
        new Request(RECEIVED, { __proto__: null, method, url, headers: headersOf(flat), bytes });
    }
    get ok() { return this.status >= 200 && this.status <= 299; }
    clone() {
      const copy = new Response(null, { __proto__: null, status: this.status, statusText: this.statusText, headers: this.headers });
      shared.copyBody(this, copy);
      copy.url = this.url;
      copy.redirected = this.redirected;
      return copy;
    }
    static json(value, init = { __proto__: null }) {
      const headers = new HeadersOf(init.headers);
      if (headerOf(headers, 'content-type') === null) setHeader(headers, 'content-type', 'application/json');
      const text = stringify(value);
      if (text === undefined) throw new TypeErrorOf('the value has no JSON');
      return new Response(text, { __proto__: null, status: init.status, statusText: init.statusText, headers });
    }
    static redirect(url, status = 302) {
      if (!REDIRECTS[status]) throw new RangeErrorOf(textOf(status, ' is not the status of a redirect'));
      return new Response(null, { __proto__: null, status, headers: headersOf(['location', hrefOf(new UrlOf(url))]) });
    }
    static error() {
      const response = new Response(null);
      response.type = 'error';
      response.status = 0;
      return response;
    }
  }

  const REDIRECTS = { __proto__: null, 301: true, 302: true, 303: true, 307: true, 308: true };
  const MOST_REDIRECTS = 20;

  // Sends one request; the promise is rejected when the signal is aborted.
  const sendOnce = (url, method, headers, body, signal) =>
    new PromiseOf((resolve, reject) => {
      const number = send([method, url, flatHeaders(headers), body ?? undefined], (parts) => resolve(boxed(parts)), reject);
      onAbort(signal, (reason) => { cancel(number); reject(reason); });
    });

  async function fetch(input, init) {
    const request = new Request(input, init);
    const { redirect, signal } = request;
    let { url, method, headers } = request;
    if (shared.isUsed(request)) throw new TypeErrorOf('the body of the request was read already');
    shared.throwIfAborted(signal);
    let body = (await shared.bodyBytes(request)).value;
    for (let redirects = 0; ; redirects++) {
      const parts = (await sendOnce(url, method, headers, body, signal)).value;
      const status = parts[0], arriving = parts[3];
      const answered = headersOf(parts[2]);
      const location = REDIRECTS[status] ? headerOf(answered, 'location') : null;
      if (location === null || redirect === 'manual') {
        const response = new Response(null, { __proto__: null, status: status < 200 ? 200 : status, statusText: parts[1] });
        response.headers = answered;
        response.url = url;
        response.redirected = redirects > 0;
        response.type = 'basic';
        shared.setBody(response, null, arrivingOf(arriving, signal), null);
        return response;
      }
      cancel(arriving);
      if (redirect === 'error') throw new TypeErrorOf(method + ' ' + url + ": the server redirects to '" + location + "'");
      if (redirects === MOST_REDIRECTS) throw new TypeErrorOf(method + ' ' + url + ': there were more than 20 redirects');
      const next = new UrlOf(location, url);
      if (status === 303 && method !== 'HEAD' || (status === 301 || status === 302) && method === 'POST') {
        method = 'GET';
        body = null;
        headers = new HeadersOf(headers);
        removeHeader(headers, 'content-type');
        removeHeader(headers, 'content-length');
      }
      if (originOf(next) !== originOf(new UrlOf(url))) {
        headers = new HeadersOf(headers);
        removeHeader(headers, 'authorization');
        removeHeader(headers, 'cookie');
      }
      url = hrefOf(next);
    }
  }

  shared.defineClass(Request);
  shared.defineClass(Response);
  define('fetch', fetch);
})
