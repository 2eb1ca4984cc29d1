// The page receives one stream of changes, and draws the open view once a frame.

import { Details } from "./details.js";
import { Events } from "./events.js";
import { List } from "./list.js";
import { Policies } from "./policies.js";
import { Sender } from "./send.js";
import { ask, count, counted, name, tell, token, visible } from "./show.js";
import { Tenants } from "./tenants.js";

const at = (id) => document.getElementById(id);
const events = new Events();
const list = new List(events, (number) => (number === null ? close() : open(number)));
const sender = new Sender((requestId) => lookAt(requestId));
const details = new Details(events, {
  close,
  again: (record, bytes) => sender.again(record, bytes),
  edit: (record, text) => sender.compose(record, text),
});
const tenants = new Tenants((tenant) => {
  at("filter").value = tenant;
  filter();
  show("events");
});
const policies = new Policies((requestId) => lookAt(requestId));

// Views.

const TABS = ["events", "tenants", "policies"];
let shown = "events";

function show(view) {
  shown = view;
  for (const one of TABS) {
    at(one).hidden = one !== view;
    at(`tab-${one}`).setAttribute("aria-selected", String(one === view));
    at(`tab-${one}`).tabIndex = one === view ? 0 : -1;
  }
  if (view === "policies") policies.draw();
  draw();
}

for (const one of TABS) at(`tab-${one}`).addEventListener("click", () => show(one));
document.querySelector("[role=tablist]").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  show(TABS[(TABS.indexOf(shown) + step + TABS.length) % TABS.length]);
  at(`tab-${shown}`).focus();
});

let isAsked = false;
let lastTenants = 0;

/** Draws the open view with the next frame. */
function draw() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    found();
    if (shown === "events") list.draw();
    // The sums are not redrawn with every frame.
    if (shown === "tenants" && performance.now() - lastTenants > 250) {
      tenants.draw(events);
      lastTenants = performance.now();
    } else if (shown === "tenants") {
      setTimeout(draw, 250);
    }
  });
}

/** Shows how many events the filter finds. If it finds none, it says so, and how to see the others. */
function found() {
  const [all, lines] = [events.length, events.view.length];
  const [some, words] = [events.matched, at("filter").value.trim()];
  at("shown").textContent = some === all ? counted(all, "event") : `${count(some)} of ${counted(all, "event")}`;
  at("empty").hidden = all > 0;
  at("none").hidden = all === 0 || lines > 0;
  if (at("none").hidden) return;
  const what = at("failed").checked ? "failed event" : "event";
  at("none-title").textContent = words ? `No ${what} matches “${name(words, 60)}”` : "No event has failed";
  at("none-note").textContent = `${counted(all, "event")} ${all === 1 ? "is" : "are"} hidden by the filter.`;
}

function filter() {
  events.filter(at("filter").value, at("failed").checked);
  draw();
}
at("filter").addEventListener("input", filter);
at("failed").addEventListener("change", filter);
at("clear").addEventListener("click", () => {
  at("filter").value = "";
  at("failed").checked = false;
  filter();
  at("filter").focus();
});

// One event.

function open(number) {
  at("events").classList.add("has-details");
  details.open(number).then(() => list.draw());
}

function close() {
  details.close();
  at("events").classList.remove("has-details");
  list.focus();
}

/** Shows an event by its request id, as soon as its row has arrived. */
function lookAt(requestId, isLast = false) {
  const row = events.find(requestId);
  if (row) {
    show("events");
    list.choose(row.number);
  } else if (!isLast) {
    setTimeout(() => lookAt(requestId, true), 500);
  } else {
    tell("this event is no longer stored");
  }
}

let following = 0;
at("list").addEventListener("moved", (event) => {
  if (details.shown === null) return;
  clearTimeout(following);
  following = setTimeout(() => details.shown !== null && open(event.detail), 80);
});
at("compose").addEventListener("click", () => sender.compose());

// The functions that run.

let version = null;

function status(told) {
  sender.functions(told.functions);
  const first = told.functions[0] ?? "NAME";
  at("example").textContent = `bulkhead invoke ${visible(first)} --dev=${location.origin} --event '{}'`;
  at("problem").hidden = told.problem === null;
  at("problem-note").textContent = told.functions.length
    ? "The last good version handles the events until this is fixed."
    : "Nothing runs until this is fixed.";
  at("problem-text").textContent = told.problem === null ? "" : visible(told.problem);
  const only = told.functions.length === 1 ? `${name(first, 60)} – ` : "";
  document.title = `${told.problem === null ? "" : "✗ "}${only}bulkhead dev`;
  if (connection.state === "live") connection.say("live", told.isBuilding);
  if (version !== told.version && shown === "policies") policies.draw();
  version = told.version;
}

let denials = 0;

function denied(rows) {
  const before = denials;
  denials = 0;
  for (const row of events.all()) denials += row.denials > 0;
  at("denied-count").hidden = denials === 0;
  at("denied-count").textContent = count(denials);
  at("denied-count").title = `${counted(denials, "event")} with denied calls`;
  if (before !== denials && shown === "policies") policies.draw();
}

// The stream of changes.

const connection = {
  state: "connecting",
  source: null,
  last: null,
  isPaused: false,
  wasLive: false,

  open() {
    if (this.source || this.isPaused) return;
    const after = this.last === null ? "" : `&after=${this.last}`;
    this.source = new EventSource(`/.bulkhead/stream?page=${token}${after}`);
    this.source.onopen = () => {
      this.wasLive = true;
      this.say("live");
    };
    this.source.onerror = () => this.lost();
    this.on("start", ({ kept }) => {
      events.start(kept);
      if (details.shown !== null) close();
    });
    this.on("status", status);
    this.on("rows", (rows) => {
      events.take(rows);
      denied(rows);
      details.changed(rows);
    });
  },

  on(kind, take) {
    this.source.addEventListener(kind, (event) => {
      this.last = event.lastEventId;
      take(JSON.parse(event.data));
      draw();
    });
  },

  close() {
    this.source?.close();
    this.source = null;
  },

  /** The browser reconnects by itself, unless it is rejected: then the server has changed, and the page has to be loaded again. */
  lost() {
    this.say("lost");
    if (this.source?.readyState !== EventSource.CLOSED) return;
    this.close();
    setTimeout(async () => {
      const response = await ask("/.bulkhead/status").catch(() => null);
      if (response?.status === 403 && this.wasLive) location.reload();
      else this.open();
    }, 1000);
  },

  say(state, isBuilding = false) {
    this.state = state;
    at("connection").dataset.state = isBuilding ? "building" : state;
    at("connection").textContent = isBuilding ? "building" : { live: "live", lost: "not connected, retrying", paused: "paused" }[state];
  },
};

at("pause").addEventListener("click", () => {
  connection.isPaused = !connection.isPaused;
  at("pause").setAttribute("aria-pressed", String(connection.isPaused));
  at("pause").textContent = connection.isPaused ? "Resume" : "Pause";
  connection.close();
  if (connection.isPaused) connection.say("paused");
  connection.open();
});

// A browser allows few connections to one server, so a hidden page closes its own.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) connection.close();
  else connection.open();
});

filter();
show("events");
connection.open();
