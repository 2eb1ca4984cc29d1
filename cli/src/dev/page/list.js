// The list of events. Only the visible rows are in the document, however many events there are.

import { phases, state } from "./events.js";
import { count, ms, name, size, time } from "./show.js";

const HEIGHT = 28;
const SPARE = 6;
const WAYS = { RequestResponse: "invoke", Event: "event", ResponseStream: "stream", FunctionUrl: "url" };
const COLUMNS = ["at", "outcome", "function", "tenant", "way", "bars", "took", "memory"];
const BARS = ["queue", "setup", "cpu", "outbound", "wait"];

export class List {
  /** The number of the row that the arrow keys move from. */
  active = null;

  #events;
  #list = document.getElementById("list");
  #rows = document.getElementById("rows");
  #scale = document.getElementById("scale");
  #pool = [];
  #anchor = null;
  #open;
  #isAsked = false;

  /** `open` is called with the number of an event to show, or with null to show none. */
  constructor(events, open) {
    this.#events = events;
    this.#open = open;
    this.#list.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#list.addEventListener("keydown", (event) => this.#key(event));
    this.#rows.addEventListener("click", (event) => {
      const row = event.target.closest("[role=row]");
      if (row) this.choose(Number(row.dataset.number), true);
    });
    new ResizeObserver(() => this.draw()).observe(this.#list);
  }

  /** Draws once with the next frame, however often this is called. */
  draw() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    requestAnimationFrame(() => {
      this.#isAsked = false;
      this.#draw();
    });
  }

  focus() {
    this.#list.focus({ preventScroll: true });
  }

  /** Makes a row the active one. */
  choose(number, opens) {
    this.active = number;
    this.#reveal();
    this.draw();
    if (opens) this.#open(number);
  }

  /** Keeps the visible rows in place while newer rows arrive above. Adjusts the scroll position, since a scroll may be in progress. */
  #keepPlace() {
    if (this.#anchor === null || this.#list.scrollTop === 0) return;
    const at = this.#events.view.length - 1 - this.#events.place(this.#anchor.number);
    const moved = (at - this.#anchor.at) * HEIGHT;
    if (moved !== 0) this.#list.scrollTop = Math.max(1, this.#list.scrollTop + moved);
  }

  #scrolled() {
    this.#remember();
    this.draw();
  }

  #remember() {
    const view = this.#events.view;
    const at = Math.min(Math.floor(this.#list.scrollTop / HEIGHT), view.length - 1);
    this.#anchor = at < 0 ? null : { number: view[view.length - 1 - at], at };
  }

  #draw() {
    const view = this.#events.view;
    this.#rows.style.height = `${view.length * HEIGHT}px`;
    this.#list.setAttribute("aria-rowcount", String(view.length + 1));
    this.#keepPlace();
    this.#remember();
    const first = Math.max(0, Math.floor(this.#list.scrollTop / HEIGHT) - SPARE);
    const wanted = Math.ceil(this.#list.clientHeight / HEIGHT) + 2 * SPARE;
    const last = Math.min(view.length, first + wanted);
    const shown = [];
    for (let at = first; at < last; at += 1) shown.push(this.#events.get(view[view.length - 1 - at]));
    const most = scale(shown);
    this.#scale.textContent = shown.length ? `Where the time went, 0–${ms(most).replace(".00", "").replace(".0", "")}` : "Where the time went";
    while (this.#pool.length < shown.length) this.#pool.push(this.#row());
    while (this.#pool.length > shown.length) this.#pool.pop().line.remove();
    shown.forEach((row, at) => fill(this.#pool[at], row, first + at, most, row.number === this.active));
    const isShown = this.active !== null && shown.some((row) => row.number === this.active);
    if (isShown) this.#list.setAttribute("aria-activedescendant", `row-${this.active}`);
    else this.#list.removeAttribute("aria-activedescendant");
  }

  #row() {
    const line = document.createElement("div");
    line.className = "row";
    line.setAttribute("role", "row");
    const cells = {};
    for (const column of COLUMNS) {
      const cell = document.createElement("span");
      cell.className = column;
      cell.setAttribute("role", "gridcell");
      cells[column] = cell;
      line.append(cell);
    }
    const bars = BARS.map((kind) => {
      const bar = document.createElement("i");
      bar.className = `bar-${kind}`;
      return bar;
    });
    cells.bars.append(...bars);
    this.#rows.append(line);
    return { line, cells, bars };
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.#list.clientHeight / HEIGHT) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) this.#move(steps[event.key]);
    else if (event.key === "Enter" && this.active !== null) this.#open(this.active);
    else if (event.key === "Escape") this.#open(null);
    else return;
    event.preventDefault();
  }

  #move(steps) {
    const view = this.#events.view;
    if (view.length === 0) return;
    const isNew = this.active === null;
    const at = isNew ? (steps === Infinity ? view.length : -1) : view.length - 1 - this.#events.place(this.active);
    const next = Math.max(0, Math.min(view.length - 1, at + (isNew ? 1 : steps)));
    this.choose(view[view.length - 1 - next], false);
    this.#list.dispatchEvent(new CustomEvent("moved", { detail: this.active }));
  }

  #reveal() {
    const at = this.#events.view.length - 1 - this.#events.place(this.active);
    const [top, room] = [this.#list.scrollTop, this.#list.clientHeight - HEIGHT];
    if (at * HEIGHT < top) this.#list.scrollTop = at * HEIGHT;
    else if ((at + 1) * HEIGHT > top + room) this.#list.scrollTop = (at + 1) * HEIGHT - room;
    this.#remember();
  }
}

/** A round number that is at least as large as every bar. */
function scale(rows) {
  const longest = Math.max(0.1, ...rows.map((row) => Object.values(phases(row)).reduce((sum, part) => sum + part, 0)));
  const power = 10 ** Math.floor(Math.log10(longest));
  return [1, 2, 5, 10].map((step) => step * power).find((round) => round >= longest) ?? longest;
}

function set(cell, text) {
  if (cell.textContent !== text) cell.textContent = text;
}

function fill({ line, cells, bars }, row, at, most, isActive) {
  line.style.transform = `translateY(${at * HEIGHT}px)`;
  line.id = `row-${row.number}`;
  line.dataset.number = row.number;
  line.dataset.state = state(row);
  line.dataset.denied = row.denials > 0;
  line.setAttribute("aria-rowindex", String(at + 2));
  line.setAttribute("aria-selected", String(isActive));
  set(cells.at, time(row.received));
  set(cells.outcome, row.outcome === null ? "running" : name(row.outcome, 60) + (row.denials ? ` · ${count(row.denials)} denied` : ""));
  set(cells.function, name(row.function, 60));
  set(cells.tenant, row.tenantId === null ? "–" : name(row.tenantId, 60));
  set(cells.way, WAYS[row.way] ?? name(row.way, 20));
  set(cells.took, ms(row.answeredMs));
  set(cells.memory, size(row.usage?.peakMemoryBytes));
  const parts = phases(row);
  BARS.forEach((kind, index) => {
    bars[index].style.width = `${(100 * parts[kind]) / most}%`;
  });
  cells.bars.setAttribute("aria-label", BARS.map((kind) => `${kind} ${ms(parts[kind])}`).join(", "));
}
