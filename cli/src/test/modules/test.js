// `node:test`: tests run one after the other, in the order in which they are written. What becomes of each is a record of the log
// for the command.
'use strict';

const settings = require('node:bulkhead/settings');
const { inspect } = require('node:bulkhead/inspect');
const { MockTracker } = require('node:bulkhead/mock');

const { info } = console;
const now = performance.now.bind(performance);
const { setTimeout, clearTimeout } = globalThis;
const LONGEST = 12_000;
const ended = new Set(settings.ended);

const tell = (event) => info(JSON.stringify({ level: 'INFO', [settings.mark]: event }));
const cut = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

// The places of a stack that are the author's.
const places = (stack) =>
  `${stack ?? ''}`.split('\n').map((line) => line.trim().replace(/^at /, '')).filter((line) => /:\d+/.test(line) && !line.includes('node:'));
const place = () => places(new Error().stack)[0]?.replace(/^.*\(|\)$/g, '') ?? '';

const described = (error) => {
  if (!(error instanceof Error)) return { name: '', message: cut(inspect(error)), stack: [] };
  let message = `${error.message}`;
  for (let cause = error.cause; cause instanceof Error && message.length < LONGEST; cause = cause.cause) {
    message += `\nCaused by ${cause.name}: ${cause.message}`;
  }
  return { name: `${error.name}`, message: cut(message), stack: places(error.stack).slice(0, 10) };
};

class Node {
  children = [];
  hooks = { before: [], after: [], beforeEach: [], afterEach: [] };
  count = 0;
  failed = 0;
  begun = false;

  constructor(parent, kind, [name, options, fn]) {
    if (typeof name !== 'string') [name, options, fn] = [undefined, name, options];
    if (typeof options === 'function' || options === undefined) [options, fn] = [{}, options ?? fn];
    Object.assign(this, { parent, kind, options, fn: fn ?? (() => {}), place: place() });
    this.name = name ?? (fn?.name || '<anonymous>');
    this.path = parent?.parent ? `${parent.path} ${this.name}` : this.name;
    this.id = parent ? `${parent.id}.${++parent.count}` : '0';
  }

  hasOnly() { return !!this.options.only || this.children.some((child) => child.hasOnly()); }

  // Whether it or something in it is to run.
  isWanted(isOnly, inOnly = false) {
    const only = inOnly || !!this.options.only;
    if (this.children.length > 0) return this.children.some((child) => child.isWanted(isOnly, only && !child.hasOnly()));
    return (!isOnly || only) && this.path.includes(settings.filter) && !ended.has(this.id);
  }

  reasonToSkip() { return this.options.skip || (this.parent?.reasonToSkip() ?? false); }

  begin() {
    this.started = now();
    tell({ type: 'begin', id: this.id, parent: this.parent.id, name: this.name, kind: this.kind, place: this.place });
  }

  end(outcome, more = {}) {
    if (outcome === 'failed') for (let at = this.parent; at; at = at.parent) at.failed++;
    tell({ type: 'end', id: this.id, outcome, ms: now() - this.started, ...more });
  }
}

const root = new Node(null, 'suite', ['', {}, () => {}]);
let current = root;
let isOnly = false;

const inherited = (node, hook) => (node ? [...inherited(node.parent, hook), ...node.hooks[hook]] : []);

// Calls a function of the author, which may take a callback in place of a promise.
const called = (fn, self, args) => {
  if (fn.length <= args.length) return fn.apply(self, args);
  return new Promise((resolve, reject) => {
    fn.call(self, ...args, (error) => (error ? reject(error) : resolve()));
  });
};

const within = async (limit, run) => {
  if (!limit || limit === Infinity) return run();
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the test timed out after ${limit}ms`)), limit);
  });
  try {
    await Promise.race([run(), late]);
  } finally {
    clearTimeout(timer);
  }
};

class TestContext {
  #node;
  #last = Promise.resolve();
  skipped;
  planned;
  mock = new MockTracker();

  constructor(node) { this.#node = node; }
  get name() { return this.#node.name; }
  get fullName() { return this.#node.path; }
  skip(message = '') { this.skipped = { outcome: 'skipped', reason: `${message}` }; }
  todo(message = '') { this.skipped = { outcome: 'todo', reason: `${message}` }; }
  diagnostic(message) { console.log(`${message}`); }
  before(fn) { return fn(this); }
  after(fn) { this.#node.hooks.after.push(fn); }
  beforeEach(fn) { this.#node.hooks.beforeEach.push(fn); }
  afterEach(fn) { this.#node.hooks.afterEach.push(fn); }
  test = (...args) => {
    const child = new Node(this.#node, 'test', args);
    this.#last = this.#last.then(() => runTest(child));
    return this.#last;
  };
  get settled() { return this.#last; }
}

const failureOf = async (run) => {
  try {
    await run();
    return undefined;
  } catch (error) {
    return { error };
  }
};

const runTest = async (node) => {
  node.begin();
  const skip = node.reasonToSkip();
  if (skip) return node.end('skipped', { reason: typeof skip === 'string' ? skip : '' });
  const context = new TestContext(node);
  const body = async () => {
    for (const hook of inherited(node.parent, 'beforeEach')) await called(hook, context, [context]);
    await within(node.options.timeout, async () => {
      await called(node.fn, context, [context]);
      await context.settled;
    });
    if (node.failed > 0) throw new Error(node.failed === 1 ? '1 test in it failed' : `${node.failed} tests in it failed`);
  };
  let failure = await failureOf(body);
  for (const hook of [...inherited(node.parent, 'afterEach'), ...node.hooks.after]) {
    const wrong = await failureOf(() => called(hook, context, [context]));
    failure ??= wrong;
  }
  context.mock.restoreAll();
  const todo = node.options.todo;
  if (todo || context.skipped?.outcome === 'todo') {
    const reason = context.skipped?.reason ?? (typeof todo === 'string' ? todo : '');
    return node.end('todo', { reason, error: failure && described(failure.error) });
  }
  if (failure) return node.end('failed', { error: described(failure.error) });
  if (context.skipped) return node.end('skipped', { reason: context.skipped.reason });
  return node.end('passed');
};

const runSuite = async (node) => {
  node.begin();
  const body = async () => {
    await node.filled;
    if (!node.reasonToSkip()) for (const hook of node.hooks.before) await called(hook, node, [node]);
  };
  let failure = await failureOf(body);
  if (!failure) {
    for (const child of node.children) await runNode(child);
    if (!node.reasonToSkip()) failure = await failureOf(async () => { for (const hook of node.hooks.after) await called(hook, node, [node]); });
  }
  if (failure) return node.end('failed', { error: described(failure.error) });
  return node.end(node.failed > 0 ? 'mixed' : 'passed');
};

const runNode = async (node) => {
  if (node.begun) return;
  node.begun = true;
  if (node.isWanted(isOnly, node.parent.options.only && !node.parent.children.some((child) => child.hasOnly()))) {
    await (node.kind === 'suite' ? runSuite(node) : runTest(node));
  }
  node.settle?.();
};

// Tests of the file itself begin after everything that it registers at once. A file may wait for a test of its own.
let running;
const drain = async () => {
  isOnly = root.hasOnly();
  for (const hook of root.hooks.before.splice(0)) await hook();
  for (let at = 0; at < root.children.length; at++) await runNode(root.children[at]);
  running = undefined;
};
const soon = () => {
  running ??= new Promise((resolve) => { setTimeout(resolve, 0); }).then(drain);
  return running;
};

const register = (kind, options = {}) => (...args) => {
  const node = new Node(current, kind, args);
  Object.assign(node.options = { ...node.options }, options);
  current.children.push(node);
  if (kind === 'suite') fill(node);
  const settled = new Promise((resolve) => { node.settle = resolve; });
  if (current === root) soon();
  return settled;
};

const fill = (node) => {
  const outer = current;
  current = node;
  try {
    node.filled = Promise.resolve(node.fn.call(node, node));
  } catch (error) {
    node.filled = Promise.reject(error);
  } finally {
    current = outer;
  }
  // It is reported when the suite runs.
  node.filled.catch(() => {});
};

const hook = (name) => (fn) => { current.hooks[name].push(fn); };
const variants = (kind) =>
  Object.assign(register(kind), {
    skip: register(kind, { skip: true }),
    todo: register(kind, { todo: true }),
    only: register(kind, { only: true }),
  });

const test = variants('test');
const describe = variants('suite');
module.exports = Object.assign(test, {
  test,
  it: test,
  describe,
  suite: describe,
  before: hook('before'),
  after: hook('after'),
  beforeEach: hook('beforeEach'),
  afterEach: hook('afterEach'),
  mock: new MockTracker(),
  // For the command: runs what has not run.
  run: async () => {
    while (root.children.some((child) => !child.begun)) await soon();
    for (const after of root.hooks.after) await after();
  },
});
