// Owns what Rust calls to run a handler, and the globals without a file of their own: timers, console, context.
(function (native, shared) {
  'use strict';
  const { startTimer, stopTimer, remainingTime, log, random } = native;
  const { defineProperty, create, freeze } = Object;
  const { apply } = Reflect;
  const PromiseOf = Promise;
  const promiseResolve = PromiseOf.resolve.bind(PromiseOf);
  const ErrorOf = Error;

  // A global as the language's own ones are: not enumerable.
  shared.define = (name, value) =>
    defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });

  shared.resolve = (value) => promiseResolve(value);

  shared.callWithCallback = (handler, self, event, context) =>
    new PromiseOf((resolve, reject) => {
      const callback = (error, result) =>
        error === null || error === undefined ? resolve(result) : reject(error);
      context.succeed = resolve;
      context.fail = reject;
      context.done = callback;
      apply(handler, self, [event, context, callback]);
    });

  const contextMethods = freeze({ __proto__: null, getRemainingTimeInMillis: () => remainingTime() });
  shared.newContext = () => ({ getRemainingTimeInMillis: contextMethods.getRemainingTimeInMillis });

  const timer = (repeats, name) =>
    ({
      [name](callback, delay, ...values) {
        if (typeof callback !== 'function') throw new TypeError(`${name} needs a function`);
        return startTimer(values.length ? () => apply(callback, undefined, values) : () => callback(), +delay || 0, repeats);
      },
    })[name];
  const stop = (number) => {
    if (typeof number === 'number') stopTimer(number >>> 0);
  };
  shared.define('setTimeout', timer(false, 'setTimeout'));
  shared.define('setInterval', timer(true, 'setInterval'));
  shared.define('setImmediate', (callback, ...values) => setTimer(callback, values));
  const setTimer = (callback, values) => startTimer(() => apply(callback, undefined, values), 0, false);
  shared.define('clearTimeout', (number) => stop(number));
  shared.define('clearInterval', (number) => stop(number));
  shared.define('clearImmediate', (number) => stop(number));

  const level = (name) => (...values) => log(name, ...values);
  shared.define('console', {
    debug: level('DEBUG'),
    error: level('ERROR'),
    info: level('INFO'),
    log: level('INFO'),
    trace: level('TRACE'),
    warn: level('WARN'),
  });

  defineProperty(Math, 'random', { value: () => random(), writable: true, configurable: true, enumerable: false });
  shared.define('global', globalThis);
})
