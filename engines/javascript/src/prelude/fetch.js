// Owns `Request`, `Response`, `fetch`, and the bodies that they have.
(function (native, shared) {
  'use strict';
  const { send, cancel, readAll, parseJson } = native;
  const { bytesOf, encode, decodeText, flatHeaders, headersOf, isSignal, onAbort, define } = shared;
  const { apply } = Reflect;
  const { toUpperCase } = String.prototype;
  const { defineProperty } = Object;
  const PromiseOf = Promise;
  const then = PromiseOf.prototype.then;
  const rejected = PromiseOf.reject.bind(PromiseOf);
  const TypeErrorOf = TypeError;
  const RangeErrorOf = RangeError;
  const HeadersOf = Headers;
  const UrlOf = URL;
  const QueryOf = URLSearchParams;
  const stringify = JSON.stringify;
  const Bytes = Uint8Array;

  // The bytes of a body that was given, and the content type that it implies.
  const extracted = (body) => {
    if (body === undefined || body === null) return [null, null];
    const bytes = bytesOf(body);
    // A copy, so that a later change of the buffer has no effect.
    if (bytes) return [new Bytes(bytes), null];
    if (body instanceof QueryOf) return [encode(body.toString()), 'application/x-www-form-urlencoded;charset=UTF-8'];
    return [encode(`${body}`), 'text/plain;charset=UTF-8'];
  };

  // A body is `bytes`, or `arriving`: the number of a response whose body Rust reads.
  class Body {
    #bytes = null; #arriving = 0; #used = false;
    static {
      shared.setBody = (self, bytes, arriving) => { self.#bytes = bytes; self.#arriving = arriving; };
      shared.copyBody = (from, to) => {
        if (from.#used) throw new TypeErrorOf('the body was read already');
        if (from.#arriving) throw new TypeErrorOf('a response whose body is still arriving cannot be copied: read it first');
        to.#bytes = from.#bytes;
      };
      shared.bodyBytes = (self) => self.#bytes;
      shared.isUsed = (self) => self.#used;
    }
    get bodyUsed() { return this.#used; }
    async #read() {
      if (this.#used) throw new TypeErrorOf('the body was read already');
      if (this.#arriving) {
        this.#used = true;
        return readAll(this.#arriving);
      }
      this.#used = this.#bytes !== null;
      return this.#bytes ?? new Bytes(0);
    }
    async bytes() { return this.#read(); }
    async arrayBuffer() { const bytes = await this.#read(); return bytes.buffer; }
    async text() { return decodeText(await this.#read()); }
    async json() { return parseJson(await this.#read()); }
  }

  const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];
  const methodOf = (method) => {
    const upper = apply(toUpperCase, `${method}`, []);
    for (let i = 0; i < METHODS.length; i++) if (METHODS[i] === upper) return upper;
    return `${method}`;
  };

  class Request extends Body {
    constructor(input, init = {}) {
      super();
      const from = input instanceof Request ? input : undefined;
      const url = from ? from.url : new UrlOf(input).href;
      const constant = (name, value) => defineProperty(this, name, { value, enumerable: true });
      constant('url', url);
      constant('method', init.method === undefined ? from?.method ?? 'GET' : methodOf(init.method));
      constant('headers', new HeadersOf(init.headers ?? from?.headers));
      constant('redirect', init.redirect ?? from?.redirect ?? 'follow');
      const signal = init.signal ?? from?.signal;
      if (signal && !isSignal(signal)) throw new TypeErrorOf('the signal must be an AbortSignal');
      constant('signal', signal ?? new AbortController().signal);
      const hasNone = this.method === 'GET' || this.method === 'HEAD';
      if (init.body !== undefined && init.body !== null) {
        if (hasNone) throw new TypeErrorOf(`a request with the method ${this.method} has no body`);
        const [bytes, type] = extracted(init.body);
        shared.setBody(this, bytes, 0);
        if (type && !this.headers.has('content-type')) this.headers.set('content-type', type);
      } else if (from) {
        shared.copyBody(from, this);
      }
    }
    clone() { return new Request(this); }
  }

  const NO_BODY = { __proto__: null, 101: true, 204: true, 205: true, 304: true };
  class Response extends Body {
    constructor(body, init = {}) {
      super();
      const status = init.status === undefined ? 200 : +init.status;
      if (!(status >= 200 && status <= 599)) throw new RangeErrorOf(`${status} is not the status of a response: 200 to 599`);
      const [bytes, type] = extracted(body);
      if (bytes && NO_BODY[status]) throw new TypeErrorOf(`a response with the status ${status} has no body`);
      this.status = status;
      this.statusText = `${init.statusText ?? ''}`;
      this.headers = new HeadersOf(init.headers);
      this.url = '';
      this.redirected = false;
      this.type = 'default';
      shared.setBody(this, bytes, 0);
      if (type && !this.headers.has('content-type')) this.headers.set('content-type', type);
    }
    get ok() { return this.status >= 200 && this.status <= 299; }
    clone() {
      const copy = new Response(null, { status: this.status, statusText: this.statusText, headers: this.headers });
      shared.copyBody(this, copy);
      copy.url = this.url;
      copy.redirected = this.redirected;
      return copy;
    }
    static json(value, init = {}) {
      const headers = new HeadersOf(init.headers);
      if (!headers.has('content-type')) headers.set('content-type', 'application/json');
      return new Response(stringify(value), { status: init.status, statusText: init.statusText, headers });
    }
    static redirect(url, status = 302) {
      if (!REDIRECTS[status]) throw new RangeErrorOf(`${status} is not the status of a redirect`);
      return new Response(null, { status, headers: { location: new UrlOf(url).href } });
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
      const number = send([method, url, flatHeaders(headers), body ?? undefined], resolve, reject);
      onAbort(signal, (reason) => { cancel(number); reject(reason); });
    });

  async function fetch(input, init) {
    const request = new Request(input, init);
    let { url, method, headers, redirect, signal } = request;
    if (shared.isUsed(request)) throw new TypeErrorOf('the body of the request was read already');
    let body = shared.bodyBytes(request);
    signal.throwIfAborted();
    for (let redirects = 0; ; redirects++) {
      const [status, statusText, flat, arriving] = await sendOnce(url, method, headers, body, signal);
      const answered = headersOf(flat);
      const location = REDIRECTS[status] ? answered.get('location') : null;
      if (location === null || redirect === 'manual') {
        const response = new Response(null, { status: status < 200 ? 200 : status, statusText });
        response.headers = answered;
        response.url = url;
        response.redirected = redirects > 0;
        response.type = 'basic';
        shared.setBody(response, null, arriving);
        return response;
      }
      cancel(arriving);
      if (redirect === 'error') throw new TypeErrorOf(`${method} ${url}: the server redirects to '${location}'`);
      if (redirects === MOST_REDIRECTS) throw new TypeErrorOf(`${method} ${url}: there were more than ${MOST_REDIRECTS} redirects`);
      const next = new UrlOf(location, url);
      if (status === 303 && method !== 'HEAD' || (status === 301 || status === 302) && method === 'POST') {
        method = 'GET';
        body = null;
        headers = new HeadersOf(headers);
        headers.delete('content-type');
        headers.delete('content-length');
      }
      if (next.origin !== new UrlOf(url).origin) {
        headers = new HeadersOf(headers);
        headers.delete('authorization');
        headers.delete('cookie');
      }
      url = next.href;
    }
  }

  shared.defineClass(Request);
  shared.defineClass(Response);
  define('fetch', fetch);
})
