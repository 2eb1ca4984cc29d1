// Owns `mock`: functions that remember their calls.
'use strict';

class Mock {
  #implementation;
  #original;
  #once = new Map();
  #restore;
  calls = [];

  constructor(original, implementation, restore) {
    this.#original = original;
    this.#implementation = implementation;
    this.#restore = restore;
  }

  callCount() { return this.calls.length; }
  resetCalls() { this.calls.length = 0; }
  mockImplementation(implementation) { this.#implementation = implementation; }
  mockImplementationOnce(implementation, onCall = this.calls.length) { this.#once.set(onCall, implementation); }
  restore() {
    this.#implementation = this.#original;
    this.#once.clear();
    this.#restore?.();
  }

  next() {
    const place = this.calls.length;
    const once = this.#once.get(place);
    this.#once.delete(place);
    return once ?? this.#implementation;
  }
}

class MockTracker {
  #mocks = [];

  fn(original = () => {}, implementation = original, restore = undefined) {
    const mock = new Mock(original, implementation, restore);
    function mocked(...args) {
      const run = mock.next();
      const call = { arguments: args, this: this, target: new.target, result: undefined, error: undefined, stack: new Error() };
      try {
        call.result = new.target ? Reflect.construct(run, args, new.target) : Reflect.apply(run, this, args);
        return call.result;
      } catch (error) {
        call.error = error;
        throw error;
      } finally {
        mock.calls.push(call);
      }
    }
    Object.defineProperty(mocked, 'name', { value: original.name });
    mocked.prototype = original.prototype;
    mocked.mock = mock;
    this.#mocks.push(mock);
    return mocked;
  }

  method(object, name, implementation = object[name]) {
    const own = Object.getOwnPropertyDescriptor(object, name);
    const original = object[name];
    if (typeof original !== 'function') throw new TypeError(`there is no method ${String(name)} to mock`);
    const restore = () => (own ? Object.defineProperty(object, name, own) : delete object[name]);
    const mocked = this.fn(original, implementation, restore);
    Object.defineProperty(object, name, { value: mocked, writable: true, configurable: true, enumerable: own?.enumerable ?? false });
    return mocked;
  }

  reset() {
    this.restoreAll();
    this.#mocks.length = 0;
  }

  restoreAll() { for (const mock of this.#mocks) mock.restore(); }
}

module.exports = { MockTracker };
