// All stored events in order, the filter of the view, and where the time of an event went.

/** The most lines of one event in the view: the event, and its parts if it was split. */
const LINES = 128;

/** The key of a line in the view. Keys ascend with the number of the event; an event has a larger key than its parts. */
export const keyOf = (number, part = -1) => number * LINES + LINES - 2 - part;

/** The number of the event of a key. */
export const numberOf = (key) => Math.floor(key / LINES);

const partOf = (key) => LINES - 2 - (key % LINES);

const isFailed = (outcome) => outcome !== "Replied";

/** The state of an event or of a part: `running`, `ok` or `failed`. */
export function state(row) {
  if (row.outcome == null) return "running";
  return isFailed(row.outcome) || row.parts?.some((part) => isFailed(part.outcome)) ? "failed" : "ok";
}

/** The parts of a split batch that failed. */
export const failedParts = (row) => row.parts.filter((part) => isFailed(part.outcome)).length;

/** The parts of a batch, of which only the first ones are kept. */
export const countParts = (row) => row.parts.length + row.moreParts;

/** The duration of an event, or the time of a part in its sandbox; null while it is running. */
export const duration = (line) => (line.part ? line.part.usage.wallMs : line.row.answeredMs);

/** The time that a line spent in each phase, in milliseconds. Their sum is its duration. */
export function phases(line) {
  const usage = (line.part ?? line.row).usage;
  const total = duration(line) ?? 0;
  const waited = line.part ? 0 : (line.row.queueMs ?? 0) + (usage?.queueMs ?? 0);
  const queue = Math.min(waited, total);
  const guest = Math.min(usage?.wallMs ?? 0, total - queue);
  const cpu = Math.min(usage?.cpuMs ?? 0, guest);
  // CPU time during an outbound call counts as CPU time.
  const outbound = Math.min(usage?.outboundMs ?? 0, guest - cpu);
  return { queue, cpu, outbound, wait: guest - cpu - outbound, rest: total - queue - guest };
}

/** A logarithmic scale from one power of ten to another, so that one long event does not hide the short ones. */
class Scale {
  constructor(shortest, longest) {
    this.high = Math.ceil(Math.log10(Math.max(longest, 0.01)));
    // The shortest bar is to be seen, too.
    this.low = Math.min(Math.floor(Math.log10(Math.max(shortest / 2, 0.01))), this.high - 2);
  }

  /** The length of a duration, from 0 to 1. */
  length(ms) {
    if (!(ms > 0)) return 0;
    return Math.min(1, Math.max(0.02, (Math.log10(ms) - this.low) / (this.high - this.low)));
  }

  get decades() {
    return this.high - this.low;
  }

  /** The durations at its marks. */
  get marks() {
    return Array.from({ length: this.decades + 1 }, (_, at) => Number(`1e${this.low + at}`));
  }
}

export class Events {
  /** The number of events in the view. */
  matched = 0;
  /** The scale of the durations in the view; null if there are none. */
  scale = null;

  #byNumber = new Map();
  #order = [];
  #isSorted = true;
  #most = Infinity;
  #matches = () => true;
  #view = [];
  #isStale = false;

  /** Forgets everything, because the server has changed. */
  start(most) {
    this.#byNumber.clear();
    this.#order = [];
    this.#isSorted = true;
    this.#most = most;
    this.#isStale = true;
  }

  take(rows) {
    for (const row of rows) {
      if (!this.#byNumber.has(row.number)) {
        this.#isSorted &&= this.#order.length === 0 || this.#order.at(-1) < row.number;
        this.#order.push(row.number);
      }
      this.#byNumber.set(row.number, row);
    }
    if (!this.#isSorted) this.#order.sort((one, other) => one - other);
    this.#isSorted = true;
    const gone = this.#order.splice(0, Math.max(0, this.#order.length - this.#most));
    gone.forEach((number) => this.#byNumber.delete(number));
    this.#isStale = true;
  }

  /** Shows only rows that contain these words, or only failed ones. */
  filter(words, failedOnly) {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const isNamed = (row) => wanted.length === 0 || wanted.every((word) => text(row).includes(word));
    this.#matches = (row) => (!failedOnly || state(row) === "failed") && isNamed(row);
    this.#isStale = true;
  }

  /** The keys of the lines in the view, ascending. */
  get view() {
    if (!this.#isStale) return this.#view;
    this.#isStale = false;
    this.#view = [];
    this.matched = 0;
    let [shortest, longest] = [Infinity, 0];
    for (const number of this.#order) {
      const row = this.#byNumber.get(number);
      if (!this.#matches(row)) continue;
      this.matched += 1;
      for (let at = row.parts.length - 1; at >= 0; at -= 1) this.#view.push(keyOf(number, at));
      this.#view.push(keyOf(number));
      for (const ms of [row.answeredMs, ...row.parts.map((part) => part.usage.wallMs)]) {
        if (!(ms > 0)) continue;
        shortest = Math.min(shortest, ms);
        longest = Math.max(longest, ms);
      }
    }
    this.scale = longest > 0 ? new Scale(shortest, longest) : null;
    return this.#view;
  }

  get(number) {
    return this.#byNumber.get(number);
  }

  /** The event of a key, and its part if the key is that of a part. */
  line(key) {
    const row = this.#byNumber.get(numberOf(key));
    return { key, row, at: partOf(key), part: row.parts[partOf(key)] };
  }

  get length() {
    return this.#order.length;
  }

  all() {
    return this.#byNumber.values();
  }

  find(requestId) {
    for (let at = this.#order.length - 1; at >= 0; at -= 1) {
      const row = this.#byNumber.get(this.#order[at]);
      if (row.requestId === requestId) return row;
    }
    return undefined;
  }

  /** The position of a key in the view, or where it would be inserted. */
  place(key) {
    let [low, high] = [0, this.view.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.view[middle] < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What the filter searches. */
function text(row) {
  const parts = row.parts.map((part) => `${part.tenantId ?? ""} ${part.handler ?? ""} ${part.outcome}`).join(" ");
  return `${row.function} ${row.tenantId ?? ""} ${row.outcome ?? "running"} ${row.way} ${row.requestId} ${parts}`.toLowerCase();
}
