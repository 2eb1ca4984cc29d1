// The list of events. Only the visible lines are in the document, however many events there are.

import { countParts, duration, failedParts, keyOf, numberOf, phases, state } from "./events.js";
import { count, counted, ms, name, size, time } from "./show.js";

const SPARE = 6;
const WAYS = { RequestResponse: "invoke", Event: "event", ResponseStream: "stream", FunctionUrl: "url" };
const COLUMNS = ["at", "outcome", "function", "tenant", "way", "bars", "took", "memory"];
const BARS = ["queue", "cpu", "outbound", "wait", "rest"];

export class List {
  /** The key of the line that the arrow keys move from. */
  active = null;

  #events;
  #list = document.getElementById("list");
  #rows = document.getElementById("rows");
  #scale = document.getElementById("scale");
  #pool = [];
  #anchor = null;
  #open;
  #isAsked = false;
  /** The height of a line, which depends on the width of the window. */
  #height = 28;
  #marks = "";

  /** `open` is called with the number of an event to show, or with null to show none. */
  constructor(events, open) {
    this.#events = events;
    this.#open = open;
    this.#list.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#list.addEventListener("keydown", (event) => this.#key(event));
    this.#rows.addEventListener("click", (event) => {
      const row = event.target.closest("[role=row]");
      if (row) this.#choose(Number(row.dataset.key), true);
    });
    new ResizeObserver(() => this.#resized()).observe(this.#list);
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

  /** Makes an event the active one, and opens it. */
  choose(number) {
    this.#choose(keyOf(number), true);
  }

  #choose(key, opens) {
    this.active = key;
    this.#settle();
    this.#reveal();
    this.draw();
    if (opens) this.#open(numberOf(key));
  }

  #resized() {
    const height = parseInt(getComputedStyle(this.#list).getPropertyValue("--row"), 10) || 28;
    if (height !== this.#height) {
      this.#settle();
      this.#list.scrollTop = (this.#list.scrollTop / this.#height) * height;
      this.#height = height;
      this.#remember();
    }
    this.draw();
  }

  /**
   * Adjusts the scroll position to the lines that there are now. This must come before any use of the position: lines may have
   * arrived or gone since the last frame, and the position would then mean another line than the one that is visible.
   */
  #settle() {
    // A hidden list has no position. It gets back the one that it had.
    if (this.#list.clientHeight === 0) return;
    this.#rows.style.height = `${this.#events.view.length * this.#height}px`;
    this.#keepPlace();
    this.#remember();
  }

  /** Keeps the visible rows in place while newer rows arrive above. Adjusts the scroll position, since a scroll may be in progress. */
  #keepPlace() {
    if (this.#anchor === null || this.#list.scrollTop === 0) return;
    const at = this.#events.view.length - 1 - this.#events.place(this.#anchor.key);
    const moved = (at - this.#anchor.at) * this.#height;
    if (moved !== 0) this.#list.scrollTop = Math.max(1, this.#list.scrollTop + moved);
  }

  #scrolled() {
    this.#settle();
    this.draw();
  }

  #remember() {
    const view = this.#events.view;
    const at = Math.min(Math.floor(this.#list.scrollTop / this.#height), view.length - 1);
    this.#anchor = at < 0 ? null : { key: view[view.length - 1 - at], at };
  }

  #draw() {
    if (this.#list.clientHeight === 0) return;
    const view = this.#events.view;
    this.#settle();
    this.#list.setAttribute("aria-rowcount", String(view.length + 1));
    this.#mark();
    const first = Math.max(0, Math.floor(this.#list.scrollTop / this.#height) - SPARE);
    const wanted = Math.ceil(this.#list.clientHeight / this.#height) + 2 * SPARE;
    const last = Math.min(view.length, first + wanted);
    while (this.#pool.length < last - first) this.#pool.push(this.#row());
    while (this.#pool.length > last - first) this.#pool.pop().line.remove();
    let isShown = false;
    for (let at = first; at < last; at += 1) {
      const line = this.#events.line(view[view.length - 1 - at]);
      const isActive = line.key === this.active;
      isShown ||= isActive;
      const row = this.#pool[at - first];
      row.line.style.transform = `translateY(${at * this.#height}px)`;
      row.line.setAttribute("aria-rowindex", String(at + 2));
      row.line.setAttribute("aria-selected", String(isActive));
      fill(row, line);
      bars(row, line, this.#events.scale);
    }
    if (isShown) this.#list.setAttribute("aria-activedescendant", idOf(this.#events.line(this.active)));
    else this.#list.removeAttribute("aria-activedescendant");
  }

  /** Shows the marks of the scale in the head of its column. */
  #mark() {
    const scale = this.#events.scale;
    const marks = scale ? scale.marks.map((mark) => (mark < 1000 ? `${mark} ms` : `${mark / 1000} s`)) : [];
    if (marks.join() === this.#marks) return;
    this.#marks = marks.join();
    this.#list.style.setProperty("--decades", String(scale?.decades ?? 1));
    this.#scale.replaceChildren(
      ...marks.map((text, at) => {
        const mark = document.createElement("span");
        mark.textContent = text;
        mark.style.insetInlineStart = `${(100 * at) / (marks.length - 1)}%`;
        return mark;
      }),
    );
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
    const page = Math.max(1, Math.floor(this.#list.clientHeight / this.#height) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) this.#move(steps[event.key]);
    else if (event.key === "Enter" && this.active !== null) this.#open(numberOf(this.active));
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
    this.#choose(view[view.length - 1 - next], false);
    this.#list.dispatchEvent(new CustomEvent("moved", { detail: numberOf(this.active) }));
  }

  #reveal() {
    const at = this.#events.view.length - 1 - this.#events.place(this.active);
    const head = this.#rows.offsetTop;
    const [top, room] = [this.#list.scrollTop, this.#list.clientHeight - head];
    if (at * this.#height < top) this.#list.scrollTop = at * this.#height;
    else if ((at + 1) * this.#height > top + room) this.#list.scrollTop = (at + 1) * this.#height - room;
    this.#remember();
  }
}

const idOf = ({ row, part, at }) => (part ? `row-${row.number}-part-${at + 1}` : `row-${row.number}`);

function set(cell, text) {
  if (cell.textContent !== text) cell.textContent = text;
}

/** A text that may be longer than its cell. */
function setWhole(cell, text) {
  set(cell, text);
  if (cell.title !== text) cell.title = text;
}

function fill({ line: element, cells }, line) {
  const { row, part, at } = line;
  element.id = idOf(line);
  element.dataset.key = line.key;
  element.dataset.state = state(part ?? row);
  element.dataset.denied = !part && row.denials > 0;
  element.dataset.part = part !== undefined;
  set(cells.at, part ? `part ${at + 1} of ${countParts(row)}` : time(row.received));
  setWhole(cells.outcome, part ? name(part.outcome, 60) : outcome(row));
  setWhole(cells.function, name((part ? part.handler : row.function) ?? "–", 60));
  setWhole(cells.tenant, tenant(line));
  set(cells.way, part ? "" : (WAYS[row.way] ?? name(row.way, 20)));
  // What did not reach a sandbox has no time and no memory there.
  set(cells.took, part?.usage.wallMs === 0 ? "–" : ms(duration(line)));
  set(cells.memory, size((part ?? row).usage?.peakMemoryBytes || null));
}

/** How an event ended, with what failed and what was denied. */
export function outcome(row) {
  if (row.outcome === null) return "running";
  const failed = failedParts(row);
  const told = failed ? `${count(failed)} of ${counted(countParts(row), "part")} failed` : name(row.outcome, 60);
  return row.denials ? `${told} · ${count(row.denials)} denied` : told;
}

function tenant({ row, part }) {
  const id = (part ?? row).tenantId;
  if (id !== null) return name(id, 60);
  const tenants = part ? 0 : new Set(row.parts.map((one) => one.tenantId)).size;
  return tenants > 0 ? counted(tenants, "tenant") : "–";
}

/** The length of all bars is the duration; each has its share of that length. */
function bars({ cells, bars }, line, scale) {
  const parts = phases(line);
  const total = duration(line) ?? 0;
  const length = scale && total > 0 ? (100 * scale.length(total)) / total : 0;
  BARS.forEach((kind, index) => {
    bars[index].style.width = `${parts[kind] * length}%`;
  });
  cells.bars.setAttribute("aria-label", BARS.map((kind) => `${kind} ${ms(parts[kind])}`).join(", "));
}
