// The limits and grants of each handler, its denied calls, and the lines of bulkhead.toml that would allow them.

import { ask, count, element, name, toml, visible } from "./show.js";

export class Policies {
  #panel = document.getElementById("policies");
  #look;
  #asked = 0;

  /** `look` is called with the request id of an event to show. */
  constructor(look) {
    this.#look = look;
  }

  async draw() {
    this.#asked += 1;
    const asked = this.#asked;
    if (!this.#panel.hasChildNodes()) this.#panel.replaceChildren(element("p", { class: "note" }, "loading the components"));
    const response = await ask("/.bulkhead/policies").catch(() => null);
    const told = response?.ok ? await response.json() : null;
    if (asked !== this.#asked || told === null) return;
    const problem = told.problem && element("p", { class: "failed" }, visible(told.problem));
    const handlers = told.handlers.map((handler) => this.#handler(handler, told.denials.filter((one) => one.function === handler.name)));
    // A denial in a tenant's handler is recorded under the function that was called, which can be another one.
    const known = new Set(told.handlers.map((handler) => handler.name));
    const others = told.denials.filter((one) => !known.has(one.function));
    const rest = others.length ? [element("section", { class: "card" }, element("h2", {}, "Denied elsewhere"), this.#denials(others))] : [];
    this.#panel.replaceChildren(...[problem].filter(Boolean), ...handlers, ...rest);
  }

  #handler(handler, denials) {
    return element(
      "section",
      { class: "card", "data-handler": handler.name },
      element("h2", {}, name(handler.name)),
      handler.problem && element("p", { class: "failed" }, visible(handler.problem)),
      denials.length ? element("h3", {}, "Denied so far") : null,
      denials.length ? this.#denials(denials) : null,
      handler.policies.map(policy),
    );
  }

  #denials(denials) {
    const one = ({ denial, line, isGranted, events, last }) => {
      const link = element("button", { class: "plain link", onclick: () => this.#look(last) }, "show the last one");
      const grant = denial.table === null ? element("p", { class: "note" }, "No grant can allow this.") : toml(denial.table, line);
      return element(
        "li",
        {},
        element("p", {}, visible(denial.what), ` in ${count(events)} ${events === 1 ? "event" : "events"}: `, link),
        isGranted ? element("p", { class: "note" }, "This is granted now.") : grant,
      );
    };
    return element("ul", { class: "denials" }, denials.map(one));
  }
}

function policy({ events, tenants, limits, grants, denied }) {
  const whose = [events, tenants.length && `${tenants.length === 1 ? "tenant" : "tenants"} ${tenants.slice(0, 20).map((id) => name(id, 40)).join(", ")}${tenants.length > 20 ? ` and ${count(tenants.length - 20)} more` : ""}`];
  return element(
    "div",
    { class: "policy" },
    element("h3", {}, whose.filter(Boolean).join("; ") || "no event"),
    element("h4", {}, "Grants"),
    grants.length
      ? element("dl", {}, grants.map(({ key, values }) => [element("dt", {}, key), element("dd", {}, values.length ? values.map((value) => name(value, 200)).join(", ") : "nothing")]))
      : element("p", { class: "note" }, "None: no environment variables, files or network."),
    denied.length ? element("h4", {}, "Imported, but nothing is granted") : null,
    denied.length ? element("ul", { class: "denials" }, denied.map(imported)) : null,
    element("h4", {}, "Limits"),
    element("dl", { class: "limits" }, limits.map(limit)),
  );
}

function imported({ import: wanted, table, lines }) {
  const grant = table === null ? [element("p", { class: "note" }, "Raw sockets are never granted; use wasi:http.")] : lines.map((line) => toml(table, line));
  return element("li", {}, element("p", {}, element("code", {}, name(wanted))), grant);
}

function limit({ key, text, default: isDefault, change }) {
  const note = change && `, handler: ${change.narrower ?? change.wider}`;
  return [element("dt", {}, key), element("dd", { class: isDefault ? "note" : null }, `${text}${note ?? ""}`)];
}
