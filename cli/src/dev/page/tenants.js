// The resources that each tenant has used, over the stored events.

import { state } from "./events.js";
import { Known } from "./known.js";
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
  #note = element("p", { class: "note" });
  #head = element("tr");
  #body = element("tbody");
  #table = element("div", { class: "scroll" }, element("table", { class: "tenants" }, element("thead", {}, this.#head), this.#body));
  /** The line of each tenant, and their order. */
  #lines = new Map();
  #order = [];
  #known;

  /** `choose` is called with a tenant whose events are to be shown. */
  constructor(choose) {
    this.#choose = choose;
    const known = element("section", { class: "known", hidden: true });
    this.#known = new Known(known);
    this.#panel.append(this.#note, this.#table, known);
  }

  draw(events) {
    this.#known.draw();
    const sums = sort([...summed(events.all()).values()], this.#sort);
    this.#table.hidden = sums.length === 0;
    const more = sums.length > MOST ? ` ${MOST} of ${count(sums.length)} tenants.` : "";
    const isSplit = [...events.all()].some((row) => row.parts.length > 0);
    const parts = isSplit ? " Each part of a split batch counts as an event of its tenant." : "";
    const of = `Over the last ${counted(events.length, "event")}.${parts}${more}`;
    set(this.#note, sums.length ? of : "No events yet. Each tenant is listed here with its first event.");
    if (this.#head.dataset.sort !== this.#sort) this.#drawHead(events);
    const shown = this.#steady(sums.slice(0, MOST));
    for (const tenant of this.#lines.keys()) {
      if (!shown.some((sum) => sum.tenant === tenant)) this.#lines.delete(tenant);
    }
    const lines = shown.map((sum) => this.#line(sum));
    const isNew = lines.length !== this.#body.rows.length || lines.some((line, at) => line !== this.#body.rows[at]);
    if (isNew) this.#body.replaceChildren(...lines);
    this.#order = shown.map((sum) => sum.tenant);
  }

  /** The order of the sums. What somebody points at keeps its place; what is new comes last meanwhile. */
  #steady(sums) {
    const isRead = this.#body.matches(":hover, :focus-within") && this.#order.length > 0;
    if (!isRead) return sums;
    const place = new Map(this.#order.map((tenant, at) => [tenant, at]));
    return sums.sort((one, other) => (place.get(one.tenant) ?? Infinity) - (place.get(other.tenant) ?? Infinity) || 0);
  }

  #drawHead(events) {
    const had = this.#head.contains(document.activeElement) ? document.activeElement.dataset.keep : undefined;
    this.#head.dataset.sort = this.#sort;
    const titles = COLUMNS.map(({ key, title }) => {
      const sort = () => {
        this.#sort = key;
        this.draw(events);
      };
      const order = key === "tenant" ? "ascending" : "descending";
      const button = element("button", { onclick: sort, class: "plain", "data-keep": `sort ${key}` }, title);
      return element("th", { scope: "col", "aria-sort": this.#sort === key ? order : null }, button);
    });
    this.#head.replaceChildren(...titles);
    if (had) this.#head.querySelector(`[data-keep="${CSS.escape(had)}"]`)?.focus();
  }

  #line(sum) {
    const [first, ...rest] = COLUMNS;
    let line = this.#lines.get(sum.tenant);
    if (!line) {
      const choose = () => this.#choose(sum.tenant);
      const text = first.show(sum);
      const named = sum.tenant === null ? text : element("button", { onclick: choose, class: "plain link" }, text);
      line = element("tr", {}, element("th", { scope: "row" }, named), rest.map(() => element("td")));
      this.#lines.set(sum.tenant, line);
    }
    rest.forEach(({ key, show }, at) => {
      const cell = line.cells[at + 1];
      set(cell, show(sum));
      cell.className = key === "failed" && sum.failed ? "number failed" : "number";
    });
    return line;
  }
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
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
