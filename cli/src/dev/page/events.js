// All events that are kept, as rows: what is known, in what order, and what is shown of them.

/** How an event stands: `running`, `ok` or `failed`. */
export function state(row) {
  if (row.outcome == null) return "running";
  return row.outcome === "Replied" ? "ok" : "failed";
}

/** Where the time of a row went, in milliseconds. */
export function phases(row) {
  const usage = row.usage;
  const guest = usage?.wallMs ?? 0;
  const cpu = Math.min(usage?.cpuMs ?? 0, guest);
  // A guest may work while its requests are under way; then that is its own time.
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

  /** Forgets everything: the server is another one. */
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

  /** Shows only what has these words in it, or has failed. */
  filter(words, failedOnly) {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (row) =>
      `${row.function} ${row.tenantId ?? ""} ${row.outcome ?? "running"} ${row.way} ${row.requestId}`.toLowerCase();
    const isNamed = (row) => wanted.length === 0 || wanted.every((word) => text(row).includes(word));
    this.#matches = (row) => (!failedOnly || state(row) === "failed") && isNamed(row);
    this.#isStale = true;
  }

  /** The numbers of what is shown, ascending. */
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

  /** Where a number is in the view, or would be. */
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
