// The details of one event. If it failed, its message and its log come first.

import { countParts, phases, state } from "./events.js";
import { grants } from "./grants.js";
import { outcome } from "./list.js";
import { ask, block, count, counted, element, hexdump, indented, ms, name, size, tell, time, visible } from "./show.js";

const WAYS = {
  RequestResponse: "the Invoke API, synchronous",
  Event: "the Invoke API, asynchronous",
  ResponseStream: "the Invoke API, streamed",
  FunctionUrl: "the function URL",
};

export class Details {
  /** The number of the event on display. */
  shown = null;

  #panel = document.getElementById("details");
  #events;
  #actions;
  #asked = 0;
  #drawn = "";
  #timer = 0;
  #isDue = false;

  constructor(events, actions) {
    this.#events = events;
    this.#actions = actions;
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") actions.close();
    });
  }

  async open(number) {
    this.shown = number;
    this.#asked += 1;
    const asked = this.#asked;
    const row = this.#events.get(number);
    if (!row) return;
    const response = await ask(`/.bulkhead/events/${encodeURIComponent(row.requestId)}`).catch(() => null);
    if (asked !== this.#asked) return;
    if (!response?.ok) {
      tell("this event is no longer stored");
      return;
    }
    const text = await response.text();
    // Elements that are replaced could move from under the pointer.
    if (asked !== this.#asked || (text === this.#drawn && !this.#panel.hidden)) return;
    this.#drawn = text;
    const record = JSON.parse(text);
    this.#draw(this.#events.get(number) ?? row, record);
  }

  close() {
    this.shown = null;
    this.#asked += 1;
    this.#panel.hidden = true;
    this.#panel.replaceChildren();
  }

  focus() {
    this.#panel.focus({ preventScroll: true });
  }

  /** Redraws if one of the changed rows is on display, with a limited rate. */
  changed(rows) {
    if (this.shown === null || !rows.some((row) => row.number === this.shown)) return;
    this.#isDue = true;
    if (this.#timer) return;
    const look = () => {
      this.#timer = 0;
      if (!this.#isDue || this.shown === null) return;
      this.#isDue = false;
      this.open(this.shown);
      this.#timer = setTimeout(look, 300);
    };
    look();
  }

  #draw(row, record) {
    const event = bytesOf(record.event, record.eventBase64);
    const had = this.#panel.contains(document.activeElement) ? document.activeElement.dataset.keep : undefined;
    const top = this.#panel.dataset.number === String(row.number) ? this.#panel.scrollTop : 0;
    const button = (keep, text, onclick, isPrimary) =>
      element("button", { onclick, "data-keep": keep, class: isPrimary ? "primary" : null, disabled: event === null }, text);
    this.#panel.replaceChildren(
      element(
        "header",
        {},
        element("h2", { id: "details-title", "data-state": state(row) }, outcome({ ...row, outcome: record.outcome })),
        element("button", { onclick: () => this.#actions.close(), "aria-label": "Close", "data-keep": "close", class: "plain" }, "✕"),
      ),
      element("p", {}, summary(row)),
      element("p", { class: "id" }, name(record.requestId)),
      element(
        "div",
        { class: "buttons" },
        button("again", "Send again", () => this.#actions.again(record, event.bytes), true),
        button("edit", "Edit and resend", () => this.#actions.edit(record, event.text ?? "")),
      ),
      ...sections(row, record, event),
    );
    this.#panel.hidden = false;
    this.#panel.dataset.number = String(row.number);
    this.#panel.scrollTop = top;
    if (had) this.#panel.querySelector(`[data-keep="${CSS.escape(had)}"]`)?.focus();
  }
}

/** The function, the tenant, the time and the duration in one line. */
function summary(row) {
  const tenant = row.tenantId === null ? [] : [`tenant ${name(row.tenantId, 60)}`];
  return [name(row.function, 60), ...tenant, time(row.received), ms(row.answeredMs)].filter(Boolean).join(" · ");
}

const section = (title, ...content) => element("section", {}, element("h3", {}, title), ...content);

/** Everything about an event, what matters most first. */
function sections(row, record, event) {
  const failed = failure(record);
  const told = section(record.log.length ? `Log, ${counted(record.log.length, "line")}` : "Log", log(record));
  return [
    ...(failed ? [section("Error", ...failed), told] : []),
    ...denials(record),
    ...parts(row),
    ...(failed ? [] : [section("Response", response(record)), told]),
    section("Event", shown(record, event)),
    timeline(row),
    facts(record),
    section("Receipt", receipt(record)),
  ].filter(Boolean);
}

/** Bytes that are kept, with their text if they have one; null if they are not kept. */
function bytesOf(text, base64) {
  if (text === null) return null;
  if (base64 === null) return { bytes: text, text: indented(text) };
  return { bytes: Uint8Array.from(atob(base64), (one) => one.charCodeAt(0)), text: null };
}

function content(kept, label) {
  if (kept.text !== null) return block(kept.text, label);
  const note = element("p", { class: "note" }, `${counted(kept.bytes.length, "byte")} that are not text.`);
  return element("div", {}, note, block(hexdump(kept.bytes), `The first bytes of the ${label.toLowerCase()}`));
}

const note = (text) => element("p", { class: "note" }, text);

function shown(record, event) {
  if (event !== null) return content(event, "Event");
  if (record.isGivenUp) return note("This event is no longer stored: newer events have replaced it.");
  return note(`This event has ${size(record.bytesIn)}; events over 256 KiB are not stored.`);
}

function response(record) {
  if (record.outcome === null) return note("The event has no response yet.");
  const kept = bytesOf(record.response, record.responseBase64);
  if (kept === null && record.isGivenUp) return note("The response is no longer stored.");
  if (kept === null) return note(`The response has ${size(record.bytesOut)}; responses over 64 KiB are not stored.`);
  return kept.bytes.length === 0 ? note("The response is empty.") : content(kept, "Response");
}

/** The message of an event that failed, and the stack beneath it. */
function failure(record) {
  if (record.outcome === null || record.outcome === "Replied") return null;
  const kept = bytesOf(record.response, record.responseBase64);
  const error = parsed(kept?.text);
  if (typeof error?.errorMessage !== "string") return [kept === null ? note("The message is no longer stored.") : content(kept, "Error")];
  const type = typeof error.errorType === "string" && error.errorType !== record.outcome ? `${name(error.errorType)}: ` : "";
  const stack = Array.isArray(error.stackTrace) ? error.stackTrace.map(String).join("\n") : "";
  const message = element("p", { class: "message", tabindex: 0 }, visible(type + (error.errorMessage || "The error has no message.")));
  return [message, stack && block(stack, "Stack trace")].filter(Boolean);
}

function parsed(text) {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return null;
  }
}

function log(record) {
  const none = record.isGivenUp ? "The log is no longer stored." : "The log is empty.";
  if (record.log.length === 0) return note(none);
  return block(record.log.map((line) => readable(line, record.requestId)).join("\n"), "Log");
}

/** A line of the log with the local time, and without the id of its event. */
function readable(line, requestId) {
  const [at, id, level, ...rest] = line.split("\t");
  const isRecord = rest.length > 0 && id === requestId && !Number.isNaN(Date.parse(at));
  const text = isRecord ? `${time(Date.parse(at))}  ${level.padEnd(5)}  ${rest.join("  ")}` : line;
  // A record separates its stack frames with carriage returns, because it has to stay one line.
  return text.replaceAll("\r    at ", "\n    at ");
}

function receipt(record) {
  if (record.receipt === null) {
    return note(record.isComplete ? "No receipt: receipts are off, or the event did not reach a sandbox." : "The receipt is written when the event ends.");
  }
  if (record.parts.length === 0) return block(JSON.stringify(record.receipt, null, 2), "Receipt");
  return block(record.parts.map((part) => JSON.stringify(part, null, 2)).join("\n"), "Receipts of the parts");
}

function denials(record) {
  if (record.denials.length === 0) return [];
  const isOpen = record.grants.length === 0 && !record.isGranted;
  const how = ({ table, key, value }) => {
    if (key === null) return note("No grant can allow this.");
    if (key === "tmp") return note(`Only /tmp can be written, if tmp is set in [${visible(table)}] of bulkhead.toml.`);
    // The file has mistakes, or a form to which nothing can be added.
    return isOpen ? note(visible(`To allow it, add ${JSON.stringify(value)} to ${key} in [${table}] of bulkhead.toml.`)) : null;
  };
  const one = (denial) => element("li", {}, element("p", {}, visible(denial.what)), how(denial));
  const list = element("ul", { class: record.isGranted ? "denials granted" : "denials" }, record.denials.map(one));
  const now = record.isGranted ? note("bulkhead.toml grants this now.") : null;
  return [section("Denied", list, ...[now].filter(Boolean), ...grants(record.grants, `event-${record.number}`))];
}

/** The parts of a batch that was split, each in a sandbox of its own. */
function parts(row) {
  if (row.parts.length === 0) return [];
  const line = (part) =>
    element(
      "tr",
      { "data-state": state(part) },
      element("th", { scope: "row" }, part.tenantId === null ? "–" : name(part.tenantId, 80)),
      element("td", { class: "outcome" }, breakable(name(part.outcome, 80))),
      element("td", { class: "number" }, part.records === null ? "" : count(part.records)),
      element("td", { class: "number" }, part.usage.wallMs ? ms(part.usage.wallMs) : "–"),
    );
  const titles = [["Tenant"], ["Outcome"], ["Records", "number"], ["Duration", "number"]];
  const head = titles.map(([title, kind]) => element("th", { scope: "col", class: kind }, title));
  const table = element("table", { class: "parts" }, element("thead", {}, element("tr", {}, head)), element("tbody", {}, row.parts.map(line)));
  const more = row.moreParts ? note(`Only the first ${count(row.parts.length)} parts are stored.`) : null;
  return [section(`Split into ${counted(countParts(row), "part")}`, table, ...[more].filter(Boolean))];
}

/** A name of several words, which may be broken between these. */
const breakable = (text) => text.split(/(?<=\.)/).flatMap((word) => [word, element("wbr")]);

const PHASES = [
  ["queue", "waiting in the queue"],
  ["cpu", "guest, CPU"],
  ["outbound", "outbound calls"],
  ["wait", "guest, waiting"],
  ["rest", "everything else"],
];

/** The phases of an event one after the other. Their sum is the duration. */
function timeline(row) {
  if (row.answeredMs === null) return null;
  const times = phases({ row });
  let from = 0;
  const lines = PHASES.filter(([kind]) => times[kind] >= 0.005).map(([kind, text]) => {
    const bar = element("i", { class: `bar-${kind}` });
    bar.style.marginInlineStart = `${(100 * from) / row.answeredMs}%`;
    bar.style.width = `${(100 * times[kind]) / row.answeredMs}%`;
    from += times[kind];
    return element("tr", {}, element("th", { scope: "row" }, text), element("td", { class: "track" }, bar), element("td", { class: "number" }, ms(times[kind])));
  });
  const total = element("tr", { class: "total" }, element("th", { scope: "row" }, "duration"), element("td"), element("td", { class: "number" }, ms(row.answeredMs)));
  const about = row.usage && note(`The sandbox was made in ${ms(row.usage.setupMs)}, before the event arrived if possible. CPU and waiting alternate; here each is added up.`);
  return section("Time", element("table", { class: "waterfall" }, element("tbody", {}, lines, total)), ...[about].filter(Boolean));
}

/** The credentials that the host has used, and for how many requests. */
function credentials({ credentials = {} }) {
  return Object.entries(credentials).map(([credential, requests]) => `${name(credential)} for ${counted(requests, "request")}`).join(", ");
}

function facts(record) {
  const used = record.parts.length === 0 ? record.receipt : null;
  const outbound = used && `${counted(used.outboundRequests, "request")}, ${size(used.outboundBytesOut)} sent, ${size(used.outboundBytesIn)} received`;
  const tenant = record.tenantId ?? used?.tenantId;
  const all = [
    ["Function", name(record.function)],
    ["Tenant", tenant ? name(tenant, 300) : record.parts.length > 0 ? null : "none"],
    ["Received via", WAYS[record.way] ?? name(record.way)],
    ["Received", time(Date.parse(record.received))],
    ["Event", size(record.bytesIn)],
    ["Response", record.outcome === null ? "not yet" : size(record.bytesOut)],
    ["Handler", used?.handler && name(used.handler)],
    ["Peak memory", used && size(used.peakMemoryBytes)],
    ["CPU", used && `${ms(used.cpuMs)}, including sandbox creation`],
    ["Outbound calls", outbound],
    ["Credentials", used && credentials(used)],
    ["Limit reached", used?.limit && name(used.limit)],
  ];
  const rows = all.filter(([, value]) => value).map(([key, value]) => [element("dt", {}, key), element("dd", {}, value)]);
  return section("Facts", element("dl", {}, rows));
}
