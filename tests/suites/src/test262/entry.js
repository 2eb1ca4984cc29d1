// Runs one test: first the files of the harness, then the test. The answer is what was thrown, or an empty text.
const { apply } = Reflect;
const { transfer } = ArrayBuffer.prototype;
const indirectEval = eval;
const global = globalThis;
const ErrorOf = Error;
let settle;
const settled = new Promise((resolve) => { settle = resolve; });
const missing = (what) => () => { throw new ErrorOf(`the engine has no ${what}`); };

global.print = (text) => {
  if (text === 'Test262:AsyncTestComplete') settle('');
  else settle(`${text}`);
};
global.$262 = {
  agent: {},
  createRealm: missing('realms'),
  detachArrayBuffer(buffer) { apply(transfer, buffer, []); return null; },
  evalScript(source) { return indirectEval(source); },
  gc: missing('call that collects garbage'),
  global,
};

const thrown = (error) => {
  if (error === null || typeof error !== 'object') return `${typeof error}: ${String(error)}`;
  const { constructor, message, stack } = error;
  return `${constructor?.name}: ${message} ${typeof stack === 'string' ? stack.split('\n')[0].trim() : ''}`;
};

let wrong = '';
const attempt = (run) => {
  try {
    run();
  } catch (error) {
    wrong = thrown(error);
  }
};
