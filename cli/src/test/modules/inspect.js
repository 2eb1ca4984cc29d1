// Owns how values are shown in the messages of tests, and the differences between two of them, line by line.
'use strict';

const DEPTH = 8;
const MEMBERS = 200;
const LINES = 200;
const SHOWN = 60;
const CONTEXT = 2;

const quoted = (text) => {
  const json = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return text.includes("'") ? JSON.stringify(text) : `'${json}'`;
};
const isName = (key) => /^[A-Za-z_$][\w$]*$/.test(key);
const keyOf = (key) => (typeof key === 'symbol' ? `[${String(key)}]` : isName(key) ? key : quoted(key));

// The name of the class of an object. Getters of the object are not called.
const className = (value) => {
  for (let at = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) {
    const constructor = Object.getOwnPropertyDescriptor(at, 'constructor')?.value;
    if (typeof constructor === 'function' && constructor.name) return constructor.name;
  }
  return null;
};

const primitive = (value) => {
  switch (typeof value) {
    case 'string': return quoted(value);
    case 'bigint': return `${value}n`;
    case 'number': return Object.is(value, -0) ? '-0' : `${value}`;
    case 'symbol': return String(value);
    default: return `${value}`;
  }
};

const members = (value, show) => {
  const shown = [];
  for (const key of Reflect.ownKeys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key);
    if (!property?.enumerable || (Array.isArray(value) && /^\d+$/.test(String(key)))) continue;
    shown.push(`${keyOf(key)}: ${'value' in property ? show(property.value) : '[Getter]'}`);
  }
  return shown;
};

const isBytes = (value) => ArrayBuffer.isView(value) && !(value instanceof DataView);

// The parts of a collection, and its brackets.
const parts = (value, name, show) => {
  if (Array.isArray(value)) {
    const items = Array.from(value, (item, place) => (place in value ? show(item) : '<empty>'));
    return ['[', [...items, ...members(value, show)], ']', name === 'Array' ? '' : `${name} `];
  }
  if (isBytes(value)) return ['[', Array.from(value, (item) => primitive(item)), ']', `${name} `];
  if (value instanceof Map) {
    return ['{', Array.from(value, ([key, item]) => `${show(key)} => ${show(item)}`), '}', `${name} `];
  }
  if (value instanceof Set) return ['{', Array.from(value, show), '}', `${name} `];
  return ['{', members(value, show), '}', name === 'Object' ? '' : `${name ?? '[null prototype]'} `];
};

// A value as text: one line if it is short, else a line for each member.
const inspect = (value, seen = []) => {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return primitive(value);
  if (seen.includes(value)) return '[Circular]';
  const name = className(value);
  if (typeof value === 'function') return `[${name}: ${value.name || '(anonymous)'}]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (value instanceof Error) return `[${value.name}: ${value.message}]`;
  if (seen.length >= DEPTH) return `[${name ?? 'Object'}]`;
  const below = [...seen, value];
  const [open, all, close, label] = parts(value, name, (item) => inspect(item, below));
  if (all.length === 0) return `${label}${open}${close}`;
  const left = all.length - MEMBERS;
  const shown = left > 0 ? [...all.slice(0, MEMBERS), `... ${left} more`] : all;
  const line = `${label}${open} ${shown.join(', ')} ${close}`;
  if (line.length <= 60 && !line.includes('\n')) return line;
  const lines = shown.map((item) => `  ${item.replaceAll('\n', '\n  ')}`);
  return `${label}${open}\n${lines.join(',\n')}\n${close}`;
};

// The longest common lines of two texts, as a table of lengths.
const common = (one, other) => {
  const lengths = Array.from({ length: one.length + 1 }, () => new Uint16Array(other.length + 1));
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      lengths[i][j] = one[i] === other[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
};

// Without the lines that are far from any difference.
const near = (lines) => {
  const isNear = (place) => lines.slice(Math.max(0, place - CONTEXT), place + CONTEXT + 1).some((line) => line[0] !== ' ');
  const kept = [];
  lines.forEach((line, place) => {
    if (isNear(place)) kept.push(line);
    else if (kept.at(-1) !== '...') kept.push('...');
  });
  return kept.length > SHOWN ? [...kept.slice(0, SHOWN), '...'] : kept;
};

// The lines that only the actual value has begin with `+`, those of the expected value with `-`.
const difference = (actual, expected) => {
  const [one, other] = [inspect(actual).split('\n').slice(0, LINES), inspect(expected).split('\n').slice(0, LINES)];
  const bare = (line) => line.replace(/,$/, '');
  const lengths = common(one.map(bare), other.map(bare));
  const lines = [];
  let [i, j] = [0, 0];
  while (i < one.length || j < other.length) {
    if (i < one.length && j < other.length && bare(one[i]) === bare(other[j])) {
      lines.push(`  ${one[i]}`);
      i++;
      j++;
    } else if (i < one.length && (j >= other.length || lengths[i + 1][j] >= lengths[i][j + 1])) {
      lines.push(`+ ${one[i++]}`);
    } else {
      lines.push(`- ${other[j++]}`);
    }
  }
  return near(lines).join('\n');
};

module.exports = { inspect, difference };
