// The details of one event.

import { phases, state } from "./events.js";
import { ask, block, element, hexdump, indented, ms, name, size, tell, time, toml, visible } from "./show.js";

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
    const event = eventOf(record);
    const had = this.#panel.contains(document.activeElement) ? document.activeElement.dataset.keep : undefined;
    const top = this.#panel.dataset.number === String(row.number) ? this.#panel.scrollTop : 0;
    const button = (keep, text, onclick, isPrimary) =>
      element("button", { onclick, "data-keep": keep, class: isPrimary ? "primary" : null, disabled: event.bytes === null }, text);
    this.#panel.replaceChildren(
      element(
        "header",
        {},
        element("h2", { id: "details-title", "data-state": state(row) }, record.outcome === null ? "running" : name(record.outcome)),
        element("button", { onclick: () => this.#actions.close(), "aria-label": "Close", "data-keep": "close", class: "plain" }, "✕"),
      ),
      element("p", { class: "id" }, name(record.requestId)),
      element(
        "div",
        { class: "buttons" },
        button("again", "Send again", () => this.#actions.again(record, event.bytes), true),
        button("edit", "Edit and resend", () => this.#actions.edit(record, event.text ?? "")),
      ),
      ...denials(record),
      waterfall(row),
      facts(record),
      section("Event", event.shown),
      section(`Log, ${record.log.length} lines`, log(record)),
      section("Receipt", receipt(record)),
    );
    this.#panel.hidden = false;
    this.#panel.dataset.number = String(row.number);
    this.#panel.scrollTop = top;
    if (had) this.#panel.querySelector(`[data-keep="${CSS.escape(had)}"]`)?.focus();
  }
}

const section = (title, ...content) => element("section", {}, element("h3", {}, title), ...content);

/** The bytes to send again, and the element that shows them. */
function eventOf(record) {
  if (record.event === null) {
    const text = record.isGivenUp
      ? "This event is no longer stored: newer events have replaced it."
      : `This event has ${size(record.bytesIn)}; events over 256 KiB are not stored.`;
    return { bytes: null, text: null, shown: element("p", { class: "note" }, text) };
  }
  if (record.eventBase64 !== null) {
    const bytes = Uint8Array.from(atob(record.eventBase64), (one) => one.charCodeAt(0));
    const note = element("p", { class: "note" }, `These ${bytes.length} bytes are not text.`);
    return { bytes, text: record.event, shown: element("div", {}, note, block(hexdump(bytes), "The first bytes of the event")) };
  }
  return { bytes: record.event, text: indented(record.event), shown: block(indented(record.event), "Event") };
}

function log(record) {
  const none = record.isGivenUp ? "The log is no longer stored." : "The log is empty.";
  if (record.log.length === 0) return element("p", { class: "note" }, none);
  // A record separates its stack frames with carriage returns, because it has to stay one line.
  return block(record.log.join("\n").replaceAll("\r    at ", "\n    at "), "Log");
}

function receipt(record) {
  if (record.receipt === null) {
    const why = record.isComplete ? "No receipt: receipts are off, or the event did not reach a sandbox." : "The receipt is written when the event ends.";
    return element("p", { class: "note" }, why);
  }
  return block(JSON.stringify(record.receipt, null, 2), "Receipt");
}

function denials(record) {
  if (record.denials.length === 0) return [];
  const one = ({ what, table, key, value }) =>
    element(
      "li",
      {},
      element("p", {}, visible(what)),
      table === null ? element("p", { class: "note" }, "No grant can allow this.") : toml(table, `${key} = [${JSON.stringify(value)}]`),
    );
  const note = element("p", { class: "note" }, "Add the value to the existing list; the Policies tab shows the complete line.");
  return [section("Denied", element("ul", { class: "denials" }, record.denials.map(one)), note)];
}

/** The known phases of an event on one time line. */
function waterfall(row) {
  const parts = phases(row);
  const inside = row.usage?.queueMs ?? 0;
  const waited = row.queueMs ?? 0;
  const guest = parts.cpu + parts.outbound + parts.wait;
  const total = Math.max(row.answeredMs ?? 0, parts.queue + guest, parts.setup, 0.01);
  const line = (text, kind, from, length) => {
    const bar = element("i", { class: `bar-${kind}` });
    bar.style.marginInlineStart = `${(100 * Math.min(from, total)) / total}%`;
    bar.style.width = `${(100 * Math.min(length, total - from)) / total}%`;
    return element("tr", {}, element("th", { scope: "row" }, text), element("td", { class: "track" }, bar), element("td", { class: "number" }, ms(length)));
  };
  const rest = row.answeredMs === null || !row.usage ? null : Math.max(0, row.answeredMs - parts.queue - guest);
  return section(
    `Time${row.answeredMs === null ? "" : `, ${ms(row.answeredMs)} in total`}`,
    element(
      "table",
      { class: "waterfall" },
      element(
        "tbody",
        {},
        line("waiting for an environment", "queue", 0, waited),
        row.usage && line("waiting for a sandbox", "queue", waited, inside),
        row.usage && line("in the guest", "wait", parts.queue, guest),
        row.usage && line("of that, CPU", "cpu", parts.queue, parts.cpu),
        row.usage?.outboundRequests > 0 && line("of that, outbound calls", "outbound", parts.queue, row.usage.outboundMs),
        rest !== null && line("returning the response", "rest", parts.queue + guest, rest),
        row.usage && line("sandbox creation, in advance if possible", "setup", 0, parts.setup),
      ),
    ),
  );
}

function facts(record) {
  const used = record.receipt;
  const outbound = used && `${used.outboundRequests} requests, ${size(used.outboundBytesOut)} sent, ${size(used.outboundBytesIn)} received`;
  const all = [
    ["Function", name(record.function)],
    ["Tenant", record.tenantId === null ? "none" : name(record.tenantId, 300)],
    ["Received via", WAYS[record.way] ?? name(record.way)],
    ["Received", time(Date.parse(record.received))],
    ["Event", size(record.bytesIn)],
    ["Response", record.outcome === null ? "not yet" : size(record.bytesOut)],
    ["Handler", used?.handler && name(used.handler)],
    ["Peak memory", used && size(used.peakMemoryBytes)],
    ["CPU", used && `${ms(used.cpuMs)}, including sandbox creation`],
    ["Outbound calls", outbound],
    ["Limit reached", used?.limit && name(used.limit)],
  ];
  const rows = all.filter(([, value]) => value).map(([key, value]) => [element("dt", {}, key), element("dd", {}, value)]);
  return section("Facts", element("dl", {}, rows));
}
