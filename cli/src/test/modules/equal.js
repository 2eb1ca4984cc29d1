// Owns the comparison of two values, member by member, as Node.js defines it: strictly, or loosely by `==`.
'use strict';

const { getPrototypeOf } = Object;
const isObject = (value) => typeof value === 'object' && value !== null;
const tagOf = (value) => Object.prototype.toString.call(value);
const enumerable = (value) =>
  Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));

const bytesOf = (value) =>
  ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);

const isBoxed = (value) =>
  value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof BigInt || value instanceof Symbol;

const sameBytes = (one, other) => {
  const [left, right] = [bytesOf(one), bytesOf(other)];
  return left.length === right.length && left.every((byte, place) => byte === right[place]);
};

class Comparison {
  #strict;
  #open = [];

  constructor(strict) { this.#strict = strict; }

  same(one, other) {
    if (this.#strict ? Object.is(one, other) : one == other || (one !== one && other !== other)) return true;
    if (!isObject(one) || !isObject(other)) return false;
    if (this.#strict && getPrototypeOf(one) !== getPrototypeOf(other)) return false;
    if (tagOf(one) !== tagOf(other) || Array.isArray(one) !== Array.isArray(other)) return false;
    // Two values that contain themselves are compared once.
    if (this.#open.some(([left, right]) => left === one && right === other)) return true;
    this.#open.push([one, other]);
    try {
      return this.#sameContent(one, other) && this.#sameMembers(one, other);
    } finally {
      this.#open.pop();
    }
  }

  #sameContent(one, other) {
    if (one instanceof Date) return other instanceof Date && Object.is(one.getTime(), other.getTime());
    if (one instanceof RegExp) {
      return other instanceof RegExp && String(one) === String(other) && one.lastIndex === other.lastIndex;
    }
    if (one instanceof Error) {
      return one.name === other.name && one.message === other.message && this.same(one.cause, other.cause);
    }
    if (isBoxed(one)) return isBoxed(other) && Object.is(one.valueOf(), other.valueOf());
    if (one instanceof ArrayBuffer) return other instanceof ArrayBuffer && sameBytes(one, other);
    if (one instanceof DataView) return other instanceof DataView && sameBytes(one, other);
    if (ArrayBuffer.isView(one)) return one.length === other.length && this.#sameNumbers(one, other);
    if (one instanceof Map) return other instanceof Map && one.size === other.size && this.#sameMap(one, other);
    if (one instanceof Set) return other instanceof Set && one.size === other.size && this.#sameSet(one, other);
    return !(Array.isArray(one) && one.length !== other.length);
  }

  #sameNumbers(one, other) {
    return one.every((number, place) => (this.#strict ? Object.is(number, other[place]) : number == other[place]));
  }

  #sameMap(one, other) {
    const left = [...other];
    return [...one].every(([key, value]) => {
      if (other.has(key) && this.same(value, other.get(key))) return true;
      const place = left.findIndex(([candidate, item]) => this.same(key, candidate) && this.same(value, item));
      if (place < 0) return false;
      left.splice(place, 1);
      return true;
    });
  }

  #sameSet(one, other) {
    const left = [...other].filter((item) => !one.has(item));
    return [...one].filter((item) => !other.has(item)).every((item) => {
      const place = left.findIndex((candidate) => this.same(item, candidate));
      if (place < 0) return false;
      left.splice(place, 1);
      return true;
    });
  }

  #sameMembers(one, other) {
    if (ArrayBuffer.isView(one)) return true;
    const keys = enumerable(one);
    return (
      keys.length === enumerable(other).length &&
      keys.every((key) => Object.prototype.propertyIsEnumerable.call(other, key) && this.same(one[key], other[key]))
    );
  }
}

module.exports = { isSame: (one, other, strict) => new Comparison(strict).same(one, other) };
