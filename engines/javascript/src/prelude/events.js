// Owns `Event`, `EventTarget`, `AbortController` and `AbortSignal`.
(function (native, shared) {
  'use strict';
  const { startTimer, now } = native;
  const { apply } = Reflect;
  const { push, slice } = Array.prototype;
  const MapOf = Map;
  const TypeErrorOf = TypeError;
  const DOMExceptionOf = DOMException;
  const report = queueMicrotask;

  class Event {
    #type; #canceled = false; #cancelable;
    target = null;
    currentTarget = null;
    constructor(type, init = {}) {
      this.#type = `${type}`;
      this.#cancelable = !!init.cancelable;
      this.timeStamp = now();
      this.stopped = false;
    }
    get type() { return this.#type; }
    get cancelable() { return this.#cancelable; }
    get defaultPrevented() { return this.#canceled; }
    preventDefault() { if (this.#cancelable) this.#canceled = true; }
    stopImmediatePropagation() { this.stopped = true; }
    stopPropagation() {}
  }

  class EventTarget {
    #listeners = { __proto__: null };
    addEventListener(type, listener, options) {
      if (listener === null || listener === undefined) return;
      const once = typeof options === 'object' && options !== null && !!options.once;
      const all = (this.#listeners[type] ??= []);
      for (let i = 0; i < all.length; i++) if (all[i].listener === listener) return;
      apply(push, all, [{ listener, once }]);
    }
    removeEventListener(type, listener) {
      const all = this.#listeners[type];
      if (!all) return;
      const left = [];
      for (let i = 0; i < all.length; i++) if (all[i].listener !== listener) apply(push, left, [all[i]]);
      this.#listeners[type] = left;
    }
    dispatchEvent(event) {
      event.target = event.currentTarget = this;
      const all = apply(slice, this.#listeners[event.type] ?? [], []);
      const own = this[`on${event.type}`];
      if (typeof own === 'function') apply(push, all, [{ listener: own, once: false }]);
      for (let i = 0; i < all.length && !event.stopped; i++) {
        const { listener, once } = all[i];
        if (once) this.removeEventListener(event.type, listener);
        try {
          if (typeof listener === 'function') apply(listener, this, [event]);
          else listener.handleEvent(event);
        } catch (error) {
          report(() => { throw error; });
        }
      }
      return !event.defaultPrevented;
    }
  }

  const NEW = {};
  const abortError = () => new DOMExceptionOf('the operation was aborted', 'AbortError');
  let abort;
  class AbortSignal extends EventTarget {
    #aborted = false; #reason; #steps = [];
    constructor(key) {
      if (key !== NEW) throw new TypeErrorOf('an AbortSignal comes from an AbortController, or from AbortSignal.timeout()');
      super();
      this.onabort = null;
    }
    static {
      abort = (signal, reason) => {
        if (signal.#aborted) return;
        signal.#aborted = true;
        signal.#reason = reason === undefined ? abortError() : reason;
        const steps = signal.#steps;
        signal.#steps = [];
        for (let i = 0; i < steps.length; i++) steps[i](signal.#reason);
        signal.dispatchEvent(new Event('abort'));
      };
      shared.onAbort = (signal, step) => {
        if (signal.#aborted) step(signal.#reason);
        else apply(push, signal.#steps, [step]);
      };
      shared.isSignal = (value) => typeof value === 'object' && value !== null && #steps in value;
    }
    get aborted() { return this.#aborted; }
    get reason() { return this.#reason; }
    throwIfAborted() { if (this.#aborted) throw this.#reason; }
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
  }

  for (const one of [Event, EventTarget, AbortSignal, AbortController]) shared.defineClass(one);
})
