// Owns `crypto`, `performance`, `process` and `structuredClone`.
(function (native, shared) {
  'use strict';
  const { randomBytes, digest, hmac, now, epoch, environment, clone } = native;
  const { defineProperty } = Object;
  const { apply } = Reflect;
  const TypeErrorOf = TypeError;
  const DOMExceptionOf = DOMException;
  const upper = String.prototype.toUpperCase;
  const set = Uint8Array.prototype.set;
  const { textOf, lengthOf, bufferOf, put } = shared;
  const Bytes = Uint8Array;
  const soon = queueMicrotask;
  const rejected = Promise.reject.bind(Promise);
  const resolved = Promise.resolve.bind(Promise);

  const INTEGERS = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
    BigInt64Array, BigUint64Array].map((one) => one.prototype);
  const tag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
  const NAMES = INTEGERS.map((one) => one.constructor.name);

  const getRandomValues = (array) => {
    const name = apply(tag, array, []);
    let isInteger = false;
    for (let i = 0; i < NAMES.length; i++) isInteger ||= NAMES[i] === name;
    if (!isInteger) throw new DOMExceptionOf('getRandomValues() needs an array of integers', 'TypeMismatchError');
    const bytes = shared.bytesOf(array);
    if (lengthOf(bytes) > 65536) throw new DOMExceptionOf('getRandomValues() gives 65536 bytes at most', 'QuotaExceededError');
    apply(set, bytes, [randomBytes(lengthOf(bytes))]);
    return array;
  };

  const HEX = [];
  for (let i = 0; i < 256; i++) HEX[i] = (i < 16 ? '0' : '') + i.toString(16);
  const randomUUID = () => {
    const bytes = randomBytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = '';
    for (let i = 0; i < 16; i++) text += (i === 4 || i === 6 || i === 8 || i === 10 ? '-' : '') + HEX[bytes[i]];
    return text;
  };

  const hash = (algorithm) => {
    const name = typeof algorithm === 'object' && algorithm !== null ? algorithm.name : algorithm;
    return apply(upper, textOf(name), []);
  };
  const DIGESTS = ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'];
  const checkedHash = (algorithm) => {
    const name = hash(algorithm);
    for (let i = 0; i < DIGESTS.length; i++) if (DIGESTS[i] === name) return name;
    throw new DOMExceptionOf("crypto.subtle has no digest '" + name + "': it has SHA-1, SHA-256, SHA-384, SHA-512", 'NotSupportedError');
  };
  const data = (value) => {
    const bytes = shared.bytesOf(value);
    if (!bytes) throw new TypeErrorOf('the data must be an ArrayBuffer or a view of one');
    return bytes;
  };
  // The function as one that returns a promise.
  const promised = (make) => (...values) => {
    try { return resolved(apply(make, undefined, values)); } catch (error) { return rejected(error); }
  };

  const KEY = {};
  let signWith;
  class CryptoKey {
    #secret; #hash;
    type = 'secret'; extractable; algorithm; usages;
    constructor(key, secret, hashName, extractable, usages) {
      if (key !== KEY) throw new TypeErrorOf('a CryptoKey comes from crypto.subtle.importKey()');
      this.#secret = secret;
      this.#hash = hashName;
      this.extractable = extractable;
      this.algorithm = { name: 'HMAC', hash: { name: hashName }, length: lengthOf(secret) * 8 };
      this.usages = usages;
    }
    static { signWith = (key, bytes) => hmac(key.#hash, key.#secret, bytes); }
  }
  const onlyHmac = (algorithm) => {
    const name = hash(algorithm);
    if (name !== 'HMAC') throw new DOMExceptionOf("crypto.subtle has keys for HMAC only, not for '" + name + "'", 'NotSupportedError');
  };
  const sign = (algorithm, key, value) => {
    onlyHmac(algorithm);
    return signWith(key, data(value));
  };
  const subtle = {
    digest: promised((algorithm, value) => bufferOf(digest(checkedHash(algorithm), data(value)))),
    importKey: promised((format, secret, algorithm, extractable, usages) => {
      onlyHmac(algorithm);
      if (format !== 'raw') throw new DOMExceptionOf(textOf("a key of the format '", format, "' cannot be imported: use 'raw'"), 'NotSupportedError');
      return new CryptoKey(KEY, new Bytes(data(secret)), checkedHash(algorithm.hash), !!extractable, usages);
    }),
    sign: promised((algorithm, key, value) => bufferOf(sign(algorithm, key, value))),
    verify: promised((algorithm, key, signature, value) => {
      const made = sign(algorithm, key, value), given = data(signature);
      const length = lengthOf(made);
      let difference = length ^ lengthOf(given);
      for (let i = 0; i < length; i++) difference |= made[i] ^ given[i];
      return difference === 0;
    }),
  };
  shared.define('CryptoKey', CryptoKey);
  shared.define('crypto', { getRandomValues, randomUUID, subtle });

  shared.define('performance', {
    now: () => now(),
    get timeOrigin() { return epoch(); },
    toJSON() { return { timeOrigin: epoch() }; },
  });

  const process = {
    argv: [],
    nextTick: (callback, ...values) => soon(() => { apply(callback, undefined, values); }),
    platform: 'wasi',
  };
  // The grants are those of the event's sandbox, so they are read at the first use.
  defineProperty(process, 'env', {
    get() {
      const env = environment();
      put(process, 'env', env);
      return env;
    },
    set(value) { put(process, 'env', value); },
    configurable: true,
    enumerable: true,
  });
  shared.define('process', process);

  shared.define('structuredClone', function structuredClone(value) {
    if (arguments.length === 0) throw new TypeErrorOf('structuredClone() needs a value');
    try { return clone(value); } catch (error) {
      throw new DOMExceptionOf(textOf('the value cannot be cloned: ', error.message), 'DataCloneError');
    }
  });
})
