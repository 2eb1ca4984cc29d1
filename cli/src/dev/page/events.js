// All stored events as rows, in order, and the filter of the view.

/** The state of an event: `running`, `ok` or `failed`. */
export function state(row) {
  if (row.outcome == null) return "running";
  return row.outcome === "Replied" ? "ok" : "failed";
}

/** The time that a row spent in each phase, in milliseconds. */
export function phases(row) {
  const usage = row.usage;
  const guest = usage?.wallMs ?? 0;
  const cpu = Math.min(usage?.cpuMs ?? 0, guest);
  // CPU time during an outbound call counts as CPU time.
  const outbound = Math.min(usage?.outboundMs ?? 0, guest - cpu);
  return {
    queue: (row.queueMs ?? 0) + (usage?.queueMs ?? 0),
    setup: usage?.setupMs ?? 0,
    cpu,
    outbound,
    wait: guest - cpu - outbound,
  };
}

export class Events {
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
    const text = (row) =>
      `${row.function} ${row.tenantId ?? ""} ${row.outcome ?? "running"} ${row.way} ${row.requestId}`.toLowerCase();
    const isNamed = (row) => wanted.length === 0 || wanted.every((word) => text(row).includes(word));
    this.#matches = (row) => (!failedOnly || state(row) === "failed") && isNamed(row);
    this.#isStale = true;
  }

  /** The numbers of the rows in the view, ascending. */
  get view() {
    if (this.#isStale) {
      this.#view = this.#order.filter((number) => this.#matches(this.#byNumber.get(number)));
      this.#isStale = false;
    }
    return this.#view;
  }

  get(number) {
    return this.#byNumber.get(number);
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

  /** The position of a number in the view, or where it would be inserted. */
  place(number) {
    let [low, high] = [0, this.view.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.view[middle] < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
