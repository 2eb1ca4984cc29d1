// Formats untrusted text, numbers and elements. Text always becomes a text node, never markup.

export const token = document.querySelector('meta[name="page-token"]').content;

/** Sends a request to this server, with the token of the page. */
export function ask(path, options = {}) {
  return fetch(path, { ...options, headers: { ...options.headers, "x-bulkhead-page": token } });
}

/** An element. Names that begin with `on` are listeners, other names are attributes; strings become text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return made;
}

// Unprintable characters, as defined by the host (`printable.rs`), and others that would be invisible in a name.
const HIDDEN = /[{{hidden}}]/gu;
const JOINING = /[{{joining}}]/gu;

const escape = (one) => (one === "\n" || one === "\t" ? one : `\\u{${one.codePointAt(0).toString(16)}}`);

/** Text with invisible characters escaped. */
export function visible(text) {
  return String(text).replace(HIDDEN, escape);
}

/** Text on one line with invisible characters escaped, and shortened. */
export function name(text, most = 120) {
  const line = visible(text).replace(JOINING, escape).replace(/[\n\t]/g, " ");
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

const LONGEST = 8000;

/** A block of text. A very long text is shortened, with a button for the rest. */
export function block(text, label) {
  const pre = element("pre", { tabindex: 0, "aria-label": label });
  const shown = visible(text);
  if (shown.length <= LONGEST) {
    pre.append(shown);
    return pre;
  }
  const rest = element("button", { onclick: () => pre.replaceChildren(shown) }, `show ${size(text.length - LONGEST)} more`);
  pre.append(shown.slice(0, LONGEST), "… ", rest);
  return pre;
}

/** The first bytes of binary data. */
export function hexdump(bytes, most = 512) {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, most); at += 16) {
    const part = [...bytes.slice(at, at + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = part.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}

/** Bytes as text, or null. */
export function decode(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** JSON on several lines, with every number as it was written. Other text is returned unchanged. */
export function indented(text) {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let [out, depth] = ["", 0];
  const line = () => `\n${"  ".repeat(depth)}`;
  tokens.forEach((one, at) => {
    const isEmpty = "{[".includes(one) && "}]".includes(tokens[at + 1] ?? " ");
    if ("}]".includes(one)) {
      depth -= 1;
      out += ("{[".includes(tokens[at - 1]) ? "" : line()) + one;
    } else if ("{[".includes(one)) {
      depth += 1;
      out += one + (isEmpty ? "" : line());
    } else {
      out += one === "," ? one + line() : one === ":" ? ": " : one;
    }
  });
  return out;
}

export function ms(value) {
  if (value == null) return "";
  if (value >= 10000) return `${(value / 1000).toFixed(1)} s`;
  return `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)} ms`;
}

export function size(bytes) {
  if (bytes == null) return "";
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB"];
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), 3);
  const value = bytes / 1024 ** power;
  return `${value.toFixed(value >= 100 ? 0 : 1)} ${units[power - 1]}`;
}

export function time(epoch) {
  const at = new Date(epoch);
  const two = (part, digits = 2) => String(part).padStart(digits, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${two(at.getMilliseconds(), 3)}`;
}

export const count = (number) => number.toLocaleString("en");

/** A number with the word for what is counted: `1 request`, `2 requests`. */
export const counted = (number, one) => `${count(number)} ${one}${number === 1 ? "" : "s"}`;

/** Shows a short message, which screen readers announce. */
export function tell(text) {
  const told = document.getElementById("told");
  told.textContent = text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => (told.textContent = ""), 6000);
}
