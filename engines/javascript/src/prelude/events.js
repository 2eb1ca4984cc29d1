// Owns `Event`, `EventTarget`, `AbortController` and `AbortSignal`.
(function (native, shared) {
  'use strict';
  const { startTimer, now } = native;
  const { apply } = Reflect;
  const { defineProperty } = Object;
  const MapOf = Map;
  const TypeErrorOf = TypeError;
  const DOMExceptionOf = DOMException;
  const report = queueMicrotask;

  const { textOf, add, addAll } = shared;
  const isTrusted = { __proto__: null, get() { return false; }, enumerable: true };
  let typeOf, isCanceled;
  class Event {
    #type; #canceled = false; #cancelable; #bubbles; #composed;
    target = null;
    currentTarget = null;
    timeStamp = now();
    stopped = false;
    constructor(type, init) {
      if (arguments.length === 0) throw new TypeErrorOf('Event needs a type');
      this.#type = textOf(type);
      this.#bubbles = !!init?.bubbles;
      this.#cancelable = !!init?.cancelable;
      this.#composed = !!init?.composed;
      defineProperty(this, 'isTrusted', isTrusted);
    }
    get type() { return this.#type; }
    get bubbles() { return this.#bubbles; }
    get cancelable() { return this.#cancelable; }
    get composed() { return this.#composed; }
    get eventPhase() { return this.currentTarget ? 2 : 0; }
    get defaultPrevented() { return this.#canceled; }
    preventDefault() { if (this.#cancelable) this.#canceled = true; }
    stopImmediatePropagation() { this.stopped = true; }
    stopPropagation() {}
    static {
      typeOf = (event) => event.#type;
      isCanceled = (event) => event.#canceled;
    }
  }

  const isCapture = (options) => (typeof options === 'object' ? !!options?.capture : !!options);
  let dispatch, isAborted;
  class EventTarget {
    #listeners = { __proto__: null };
    addEventListener(type, listener, options) {
      const capture = isCapture(options);
      const { once, signal } = typeof options === 'object' && options !== null ? options : { __proto__: null };
      if (signal !== undefined && !shared.isSignal(signal)) throw new TypeErrorOf('the signal must be an AbortSignal');
      if (listener === null || listener === undefined || signal && isAborted(signal)) return;
      const all = (this.#listeners[type] ??= []);
      for (let i = 0; i < all.length; i++) if (all[i].listener === listener && all[i].capture === capture) return;
      add(all, { listener, once, capture, isGone: false });
      if (signal) shared.onAbort(signal, () => this.#remove(type, listener, capture));
    }
    removeEventListener(type, listener, options) { this.#remove(type, listener, isCapture(options)); }
    #remove(type, listener, capture) {
      const all = this.#listeners[type];
      if (!all) return;
      const left = [];
      for (let i = 0; i < all.length; i++) {
        if (all[i].listener === listener && all[i].capture === capture) all[i].isGone = true;
        else add(left, all[i]);
      }
      this.#listeners[type] = left;
    }
    dispatchEvent(event) { return this.#dispatch(event); }
    #dispatch(event) {
      event.target = event.currentTarget = this;
      const type = typeOf(event), all = [];
      addAll(all, this.#listeners[type] ?? []);
      const own = this[textOf('on', type)];
      if (typeof own === 'function') add(all, { listener: own, once: false, capture: false, isGone: false });
      for (let i = 0; i < all.length && !event.stopped; i++) {
        const { listener, once, capture, isGone } = all[i];
        if (isGone) continue;
        if (once) this.#remove(type, listener, capture);
        try {
          if (typeof listener === 'function') apply(listener, this, [event]);
          else listener.handleEvent(event);
        } catch (error) {
          report(() => { throw error; });
        }
      }
      event.currentTarget = null;
      return !isCanceled(event);
    }
    static { dispatch = (target, event) => target.#dispatch(event); }
  }

  const NEW = {};
  const abortError = () => new DOMExceptionOf('the operation was aborted', 'AbortError');
  let abort;
  class AbortSignal extends EventTarget {
    #aborted = false; #reason; #steps = [];
    onabort = null;
    constructor(key) {
      if (key !== NEW) throw new TypeErrorOf('an AbortSignal comes from an AbortController, or from AbortSignal.timeout()');
      super();
    }
    static {
      abort = (signal, reason) => {
        if (signal.#aborted) return;
        signal.#aborted = true;
        signal.#reason = reason === undefined ? abortError() : reason;
        const steps = signal.#steps;
        signal.#steps = [];
        for (let i = 0; i < steps.length; i++) steps[i](signal.#reason);
        dispatch(signal, new Event('abort'));
      };
      isAborted = (signal) => signal.#aborted;
      shared.throwIfAborted = (signal) => { if (signal.#aborted) throw signal.#reason; };
      shared.onAbort = (signal, step) => {
        if (signal.#aborted) step(signal.#reason);
        else add(signal.#steps, step);
      };
      shared.isSignal = (value) => typeof value === 'object' && value !== null && #steps in value;
    }
    get aborted() { return this.#aborted; }
    get reason() { return this.#reason; }
    throwIfAborted() { shared.throwIfAborted(this); }
    static abort(reason) {
      const signal = new AbortSignal(NEW);
      abort(signal, reason);
      return signal;
    }
    static timeout(milliseconds) {
      const signal = new AbortSignal(NEW);
      const timedOut = () => abort(signal, new DOMExceptionOf('the operation timed out', 'TimeoutError'));
      // An event does not wait for it.
      startTimer(timedOut, +milliseconds || 0, 2);
      return signal;
    }
    static any(signals) {
      const signal = new AbortSignal(NEW);
      for (const one of signals) shared.onAbort(one, (reason) => abort(signal, reason));
      return signal;
    }
  }
  class AbortController {
    #signal = new AbortSignal(NEW);
    get signal() { return this.#signal; }
    abort(reason) { abort(this.#signal, reason); }
    static { shared.signalOf = (controller) => controller.#signal; }
  }

  for (const one of [Event, EventTarget, AbortSignal, AbortController]) shared.defineClass(one);
})
