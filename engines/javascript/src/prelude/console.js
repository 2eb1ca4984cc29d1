// Owns `console`: what it is given becomes a record of the log with a level.
(function (native, shared) {
  'use strict';
  const { log, now } = native;
  const { apply } = Reflect;
  const counts = new Map();
  const begun = new Map();
  const get = Map.prototype.get.call.bind(Map.prototype.get);
  const set = Map.prototype.set.call.bind(Map.prototype.set);
  const remove = Map.prototype.delete.call.bind(Map.prototype.delete);

  // What Rust cannot see of an object: the members of a map or a set, or a text. The methods are the language's own.
  const { forEach: eachOfMap } = Map.prototype;
  const { forEach: eachOfSet } = Set.prototype;
  const { getTime, toISOString } = Date.prototype;
  const toFixed = Number.prototype.toFixed;
  const { textOf, add, addAll } = shared;
  // `toString` of a regular expression would call getters that the script has put there.
  const getterOf = (name) => Object.getOwnPropertyDescriptor(RegExp.prototype, name).get;
  const source = getterOf('source');
  const LETTERS = 'dgimsuvy';
  const flags = ['hasIndices', 'global', 'ignoreCase', 'multiline', 'dotAll', 'unicode', 'unicodeSets', 'sticky'].map(getterOf);
  const regexpText = (value) => {
    let text = '/' + apply(source, value, []) + '/';
    for (let i = 0; i < flags.length; i++) if (apply(flags[i], value, [])) text += LETTERS[i];
    return text;
  };
  shared.describe = (value) => {
    const members = [];
    const kinds = [
      () => (apply(eachOfMap, value, [(item, key) => { add(members, key); add(members, item); }]), members),
      () => (apply(eachOfSet, value, [(item) => { add(members, item); }]), members),
      () => (apply(getTime, value, []) >= -8.64e15 ? apply(toISOString, value, []) : 'Invalid Date'),
      () => regexpText(value),
    ];
    for (let i = 0; i < kinds.length; i++) {
      try { return kinds[i](); } catch {}
    }
    return '';
  };

  // The stack of an error, which the language's own getter has unless the script has put something else there.
  const stack = Object.getOwnPropertyDescriptor(Error.prototype, 'stack')?.get;
  shared.stackOf = (error) => stack && apply(stack, error, []);

  const at = (level) => (...values) => { log(level, values); };
  const joined = (first, values) => {
    const all = [first];
    addAll(all, values);
    return all;
  };
  const elapsed = (name, label, values) => {
    const from = get(begun, label);
    if (from === undefined) return log('WARN', ["there is no timer '" + label + "' for console." + name + '()']);
    log('INFO', joined(label + ': ' + apply(toFixed, now() - from, [3]) + 'ms', values));
  };
  const console = {
    assert(condition, ...values) { if (!condition) log('ERROR', joined('assertion failed', values)); },
    count(label = 'default') {
      label = textOf(label);
      const count = (get(counts, label) ?? 0) + 1;
      set(counts, label, count);
      log('INFO', [label + ': ' + count]);
    },
    countReset(label = 'default') { remove(counts, textOf(label)); },
    debug: at('DEBUG'),
    dir(value) { log('INFO', [value]); },
    error: at('ERROR'),
    group: at('INFO'),
    groupEnd() {},
    info: at('INFO'),
    log: at('INFO'),
    table: at('INFO'),
    time(label = 'default') { set(begun, textOf(label), now()); },
    timeEnd(label = 'default') {
      label = textOf(label);
      elapsed('timeEnd', label, []);
      remove(begun, label);
    },
    timeLog(label = 'default', ...values) { elapsed('timeLog', textOf(label), values); },
    trace: at('TRACE'),
    warn: at('WARN'),
  };
  Object.defineProperty(console, Symbol.toStringTag, { value: 'console', configurable: true });
  shared.define('console', console);
})
