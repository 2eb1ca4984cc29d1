// Runs one file with the harness of the suite. The answer is the list of its tests: name, status and message.
const LONGEST = 5000;
const data = new Map();
const network = fetch;
const start = setTimeout;
const stringify = JSON.stringify;
let settle;
const settled = new Promise((resolve) => { settle = resolve; });
const tests = [];

const ORIGIN = 'http://web-platform.test:8000';
globalThis.GLOBAL = { isWindow: () => false, isWorker: () => true, isShadowRealm: () => false };
globalThis.location = {
  href: `${ORIGIN}/${settings.path}`, origin: ORIGIN, protocol: 'http:', host: 'web-platform.test:8000',
  hostname: 'web-platform.test', port: '8000', pathname: `/${settings.path}`, search: '', hash: '',
  toString() { return this.href; },
};

// The files of the suite are there; all others are asked for.
globalThis.fetch = (input, init) => {
  const place = typeof input === 'string' ? new URL(input, location.href).pathname.slice(1) : '';
  if (!data.has(place)) return network(input, init);
  return Promise.resolve(new Response(require(data.get(place))));
};

const load = (run) => {
  try {
    run();
  } catch (error) {
    tests.push(['(the file)', 1, `${error?.name}: ${error?.message}`]);
  }
};

// After the harness is there.
const begin = () => {
  add_completion_callback((all, status) => {
    for (const { name, status, message } of all) tests.push([`${name}`, status, message === null ? null : `${message}`]);
    if (status.status !== 0) tests.push(['(the harness)', status.status, `${status.message}`]);
    settle(stringify(tests));
  });
  start(() => timeout(), LONGEST);
};
exports.handler = () => settled;
