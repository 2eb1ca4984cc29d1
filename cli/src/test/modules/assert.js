// `node:assert`: what is checked, and what the error says if it does not hold.
'use strict';

const { inspect, difference } = require('node:bulkhead/inspect');
const { isSame } = require('node:bulkhead/equal');

class AssertionError extends Error {
  constructor({ message, actual, expected, operator, generated = message === undefined }) {
    super(message ?? `${inspect(actual)} ${operator} ${inspect(expected)}`);
    this.name = 'AssertionError';
    this.code = 'ERR_ASSERTION';
    this.generatedMessage = generated;
    Object.assign(this, { actual, expected, operator });
  }
}

// The message is the author's: a text, or an error to throw in place of ours.
const fail = (details, message, text) => {
  if (message instanceof Error) throw message;
  throw new AssertionError({ ...details, message: message ?? text(), generated: message === undefined });
};

const isShort = (...values) => values.every((value) => (typeof value !== 'object' && typeof value !== 'function') || value === null);

const compared = (title, actual, expected, sign) => {
  if (isShort(actual, expected) && !`${inspect(actual)}${inspect(expected)}`.includes('\\n')) {
    return `${title}\n\n${inspect(actual)} ${sign} ${inspect(expected)}`;
  }
  if (inspect(actual) === inspect(expected)) return `${title}: both look like\n\n${inspect(actual)}`;
  return `${title}\n+ actual - expected\n\n${difference(actual, expected)}`;
};

const check = (holds, title, operator, sign) => (actual, expected, message) => {
  if (!holds(actual, expected)) fail({ actual, expected, operator }, message, () => compared(title, actual, expected, sign));
};
const checkNot = (holds, title, operator) => (actual, expected, message) => {
  if (holds(actual, expected)) fail({ actual, expected, operator }, message, () => `${title}\n\n${inspect(actual)}`);
};

const isEqual = (one, other) => one == other || (one !== one && other !== other);
const isStrictEqual = Object.is;
const isDeepEqual = (one, other) => isSame(one, other, false);
const isDeepStrictEqual = (one, other) => isSame(one, other, true);

const ok = (value, message) => {
  if (!value) {
    fail({ actual: value, expected: true, operator: '==' }, message, () => `The value is not true: ${inspect(value)}`);
  }
};

// Whether what was thrown is what is expected: a class, a pattern, a function that says so, or an object with some members.
const expectThrown = (thrown, expected, message, operator) => {
  const wrong = (text) => fail({ actual: thrown, expected, operator }, message, () => text);
  if (expected === undefined) return;
  if (expected instanceof RegExp) {
    if (!expected.test(String(thrown))) wrong(`The error does not match ${expected}:\n\n${inspect(String(thrown))}`);
    return;
  }
  if (typeof expected === 'function') {
    if (expected.prototype !== undefined && thrown instanceof expected) return;
    if (Error.isPrototypeOf(expected) || expected === Error) {
      wrong(`The error is not an instance of ${expected.name}:\n\n${inspect(thrown)}`);
    }
    if (expected.call({}, thrown) !== true) wrong(`The function that checks the error did not return true:\n\n${inspect(thrown)}`);
    return;
  }
  const keys = Object.keys(expected);
  if (expected instanceof Error) keys.push('name', 'message');
  for (const key of keys) {
    const [actual, wanted] = [thrown?.[key], expected[key]];
    const holds = wanted instanceof RegExp && typeof actual === 'string' ? wanted.test(actual) : isDeepStrictEqual(actual, wanted);
    if (!holds) wrong(`The error's ${key} is not what is expected:\n+ actual - expected\n\n${difference(actual, wanted)}`);
  }
};

// The second argument may be the message.
const ordered = (expected, message) => (typeof expected === 'string' ? [undefined, expected] : [expected, message]);

const throws = (run, ...rest) => {
  const [expected, message] = ordered(...rest);
  let thrown;
  try {
    run();
  } catch (error) {
    thrown = { error };
  }
  if (!thrown) fail({ expected, operator: 'throws' }, message, () => 'The function did not throw');
  expectThrown(thrown.error, expected, message, 'throws');
};

const rejects = async (promise, ...rest) => {
  const [expected, message] = ordered(...rest);
  let thrown;
  try {
    await (typeof promise === 'function' ? promise() : promise);
  } catch (error) {
    thrown = { error };
  }
  if (!thrown) fail({ expected, operator: 'rejects' }, message, () => 'The promise was not rejected');
  expectThrown(thrown.error, expected, message, 'rejects');
};

const unwanted = (error, message, what) =>
  fail({ actual: error, operator: what }, message, () => `There was an error that is not wanted: ${inspect(error)}`);

const doesNotThrow = (run, ...rest) => {
  const [, message] = ordered(...rest);
  try {
    run();
  } catch (error) {
    unwanted(error, message, 'doesNotThrow');
  }
};

const doesNotReject = async (promise, ...rest) => {
  const [, message] = ordered(...rest);
  try {
    await (typeof promise === 'function' ? promise() : promise);
  } catch (error) {
    unwanted(error, message, 'doesNotReject');
  }
};

const checkMatch = (wanted, operator, title) => (text, pattern, message) => {
  if (typeof text !== 'string' || pattern.test(text) !== wanted) {
    fail({ actual: text, expected: pattern, operator }, message, () => `${title} ${pattern}:\n\n${inspect(text)}`);
  }
};

const shared = {
  AssertionError,
  ok,
  throws,
  rejects,
  doesNotThrow,
  doesNotReject,
  match: checkMatch(true, 'match', 'The text does not match'),
  doesNotMatch: checkMatch(false, 'doesNotMatch', 'The text matches'),
  fail(message = 'Failed') { fail({ operator: 'fail' }, message, () => message); },
  ifError(value) {
    if (value !== null && value !== undefined) fail({ actual: value, operator: 'ifError' }, undefined, () => `There was an error: ${inspect(value)}`);
  },
  strictEqual: check(isStrictEqual, 'The values are not strictly equal:', 'strictEqual', '!=='),
  notStrictEqual: checkNot(isStrictEqual, 'The values are strictly equal:', 'notStrictEqual'),
  deepStrictEqual: check(isDeepStrictEqual, 'The values are not strictly deep-equal:', 'deepStrictEqual', '!=='),
  notDeepStrictEqual: checkNot(isDeepStrictEqual, 'The values are strictly deep-equal:', 'notDeepStrictEqual'),
};

const strict = Object.assign((value, message) => ok(value, message), shared, {
  equal: shared.strictEqual,
  notEqual: shared.notStrictEqual,
  deepEqual: shared.deepStrictEqual,
  notDeepEqual: shared.notDeepStrictEqual,
});
const assert = Object.assign((value, message) => ok(value, message), shared, {
  equal: check(isEqual, 'The values are not equal:', 'equal', '!='),
  notEqual: checkNot(isEqual, 'The values are equal:', 'notEqual'),
  deepEqual: check(isDeepEqual, 'The values are not deep-equal:', 'deepEqual', '!='),
  notDeepEqual: checkNot(isDeepEqual, 'The values are deep-equal:', 'notDeepEqual'),
  strict,
});
strict.strict = strict;

module.exports = assert;
