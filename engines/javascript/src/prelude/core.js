// Owns what Rust calls to run a handler, timers, the context, and the language's own functions that Rust has better ones of.
(function (native, shared) {
  'use strict';
  const { startTimer, stopTimer, remainingTime, random } = native;
  const { defineProperty } = Object;
  const { apply } = Reflect;
  const PromiseOf = Promise;
  const promiseResolve = PromiseOf.resolve.bind(PromiseOf);
  const TypeErrorOf = TypeError;

  // The text of all its arguments. In place of a template with values, which calls the `concat` that `String.prototype` has then.
  const textOf = shared.textOf = String.prototype.concat.bind('');

  // Defines a property as an assignment makes it, unless a setter is inherited. What has no prototype inherits no `get` or `value`.
  const put = shared.put = (object, name, value) =>
    defineProperty(object, name, { __proto__: null, value, writable: true, configurable: true, enumerable: true });

  // Appends to an array, whatever setters `Array.prototype` has. One descriptor is enough, as nothing of a script runs meanwhile.
  const element = { __proto__: null, value: undefined, writable: true, configurable: true, enumerable: true };
  const add = shared.add = (array, value) => {
    element.value = value;
    defineProperty(array, array.length, element);
    element.value = undefined;
  };
  shared.addAll = (array, values) => { for (let i = 0; i < values.length; i++) add(array, values[i]); };

  // A global, as the language's own ones are: not enumerable.
  shared.define = (name, value) =>
    defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });

  // A class whose objects say its name, and whose methods and accessors are enumerable, as those of the Web are.
  shared.defineClass = (value, name = value.name) => {
    defineProperty(value.prototype, Symbol.toStringTag, { value: name, configurable: true });
    shared.define(name, value);
  };

  shared.resolve = (value) => promiseResolve(value);
  // Of a `Boolean`, for Rust.
  shared.booleanOf = Boolean.prototype.valueOf;

  shared.callWithCallback = (handler, self, event, context) =>
    new PromiseOf((resolve, reject) => {
      const callback = (error, result) =>
        error === null || error === undefined ? resolve(result) : reject(error);
      put(context, 'succeed', resolve);
      put(context, 'fail', reject);
      put(context, 'done', callback);
      const returned = apply(handler, self, [event, context, callback]);
      // As in Lambda's Node.js: an async handler may have a callback that it does not use. Its event ends with its promise.
      if (returned !== null && typeof returned === 'object' && typeof returned.then === 'function') {
        context.callbackWaitsForEmptyEventLoop = false;
        resolve(returned);
      }
    });

  const getRemainingTimeInMillis = () => remainingTime();
  shared.newContext = (
    awsRequestId, invokedFunctionArn, functionName, functionVersion, memoryLimitInMB, logGroupName, logStreamName,
  ) => ({
    getRemainingTimeInMillis, awsRequestId, invokedFunctionArn, functionName, functionVersion, memoryLimitInMB, logGroupName,
    logStreamName, callbackWaitsForEmptyEventLoop: true,
  });

  const start = (name, repeats, callback, delay, values) => {
    if (typeof callback !== 'function') throw new TypeErrorOf(textOf(name, ' needs a function'));
    const call = values.length ? () => { apply(callback, undefined, values); } : () => { callback(); };
    return startTimer(call, +delay || 0, repeats ? 1 : 0);
  };
  const stop = (number) => {
    if (typeof number === 'number') stopTimer(number >>> 0);
  };
  shared.define('setTimeout', (callback, delay, ...values) => start('setTimeout', false, callback, delay, values));
  shared.define('setInterval', (callback, delay, ...values) => start('setInterval', true, callback, delay, values));
  shared.define('setImmediate', (callback, ...values) => start('setImmediate', false, callback, 0, values));
  shared.define('clearTimeout', (number) => stop(number));
  shared.define('clearInterval', (number) => stop(number));
  shared.define('clearImmediate', (number) => stop(number));

  defineProperty(Math, 'random', { value: { random: () => random() }.random, writable: true, configurable: true, enumerable: false });
  shared.define('global', globalThis);
  shared.define('self', globalThis);
})
