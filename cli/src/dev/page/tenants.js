// The resources that each tenant has used, over the stored events.

import { state } from "./events.js";
import { count, counted, element, ms, name, size } from "./show.js";

const MOST = 200;

const COLUMNS = [
  { key: "tenant", title: "Tenant", show: (sum) => (sum.tenant === null ? "none" : name(sum.tenant, 80)) },
  { key: "events", title: "Events", show: (sum) => count(sum.events) },
  { key: "failed", title: "Failed", show: (sum) => count(sum.failed) },
  { key: "running", title: "Running", show: (sum) => count(sum.running) },
  { key: "denials", title: "Denials", show: (sum) => count(sum.denials) },
  { key: "cpu", title: "CPU", show: (sum) => ms(sum.cpu) },
  { key: "wall", title: "Guest time", show: (sum) => ms(sum.wall) },
  { key: "longest", title: "Longest", show: (sum) => ms(sum.longest) },
  { key: "memory", title: "Peak memory", show: (sum) => size(sum.memory) },
  { key: "outbound", title: "Outbound calls", show: (sum) => count(sum.outbound) },
];

export class Tenants {
  #panel = document.getElementById("tenants");
  #sort = "events";
  #choose;

  /** `choose` is called with a tenant whose events are to be shown. */
  constructor(choose) {
    this.#choose = choose;
  }

  draw(events) {
    if (events.length === 0) {
      this.#panel.replaceChildren(element("p", { class: "note" }, "No events yet. Each tenant is listed here with its first event."));
      return;
    }
    const sums = sort([...summed(events.all()).values()], this.#sort);
    const focused = this.#panel.contains(document.activeElement) ? document.activeElement.dataset.keep : undefined;
    const head = COLUMNS.map(({ key, title }) => {
      const sort = () => {
        this.#sort = key;
        this.draw(events);
      };
      const isSorted = this.#sort === key;
      const order = key === "tenant" ? "ascending" : "descending";
      const button = element("button", { onclick: sort, class: "plain", "data-keep": `sort ${key}` }, title);
      return element("th", { scope: "col", "aria-sort": isSorted ? order : null }, button);
    });
    const rows = sums.slice(0, MOST).map((sum) => this.#row(sum));
    const note = `Over the last ${counted(events.length, "event")}. Each part of a split batch counts for its tenant.` + (sums.length > MOST ? ` ${MOST} of ${count(sums.length)} tenants.` : "");
    this.#panel.replaceChildren(
      element("p", { class: "note" }, note),
      element("div", { class: "scroll" }, element("table", { class: "tenants" }, element("thead", {}, element("tr", {}, head)), element("tbody", {}, rows))),
    );
    if (focused) this.#panel.querySelector(`[data-keep="${CSS.escape(focused)}"]`)?.focus();
  }

  #row(sum) {
    const [, ...rest] = COLUMNS;
    const choose = () => this.#choose(sum.tenant);
    const text = COLUMNS[0].show(sum);
    const first = sum.tenant === null ? text : element("button", { onclick: choose, class: "plain link", "data-keep": `tenant ${sum.tenant}` }, text);
    const cells = rest.map(({ key, show }) => element("td", { class: key === "failed" && sum.failed ? "number failed" : "number" }, show(sum)));
    return element("tr", {}, element("th", { scope: "row" }, first), cells);
  }
}

function summed(rows) {
  const sums = new Map();
  for (const row of rows) {
    for (const part of row.parts) add(sums, part, part.usage.wallMs, 0);
    if (row.parts.length === 0) add(sums, row, row.answeredMs ?? 0, row.denials);
  }
  return sums;
}

/** Adds an event, or a part of one, to the sums of its tenant. */
function add(sums, one, duration, denials) {
  let sum = sums.get(one.tenantId);
  if (!sum) {
    sum = { tenant: one.tenantId, events: 0, failed: 0, running: 0, denials: 0, cpu: 0, wall: 0, longest: 0, memory: 0, outbound: 0 };
    sums.set(one.tenantId, sum);
  }
  sum.events += 1;
  sum.failed += state(one) === "failed";
  sum.running += state(one) === "running";
  sum.denials += denials;
  sum.longest = Math.max(sum.longest, duration);
  if (!one.usage) return;
  sum.cpu += one.usage.cpuMs;
  sum.wall += one.usage.wallMs;
  sum.memory = Math.max(sum.memory, one.usage.peakMemoryBytes);
  sum.outbound += one.usage.outboundRequests;
}

function sort(sums, key) {
  const byName = (one, other) => String(one.tenant ?? "").localeCompare(String(other.tenant ?? ""));
  return sums.sort((one, other) => (key === "tenant" ? 0 : other[key] - one[key]) || byName(one, other));
}
