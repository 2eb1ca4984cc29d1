// The limits and grants of each handler, its denied calls, and the lines of bulkhead.toml that would allow them.

import { grants as grantBox } from "./grants.js";
import { ask, count, counted, element, name, visible } from "./show.js";

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
    const of = (handler) => told.denials.filter((one) => one.handler === handler);
    // Handlers that were denied something come first.
    const cards = told.handlers.map((handler) => ({ handler, denials: of(handler.name) }));
    cards.sort((one, other) => (other.denials.length > 0) - (one.denials.length > 0));
    const handlers = cards.map(({ handler, denials }) => this.#handler(handler, denials));
    // A handler that is gone by now.
    const known = new Set(told.handlers.map((handler) => handler.name));
    const others = told.denials.filter((one) => !known.has(one.handler));
    const rest = others.length ? [element("section", { class: "card" }, element("h2", {}, "Denied elsewhere"), this.#denials(others))] : [];
    const had = this.#panel.contains(document.activeElement) ? document.activeElement.dataset.keep : undefined;
    this.#panel.replaceChildren(...[problem].filter(Boolean), ...handlers, ...rest);
    if (had) this.#panel.querySelector(`[data-keep="${CSS.escape(had)}"]`)?.focus();
  }

  #handler(handler, denials) {
    return element(
      "section",
      { class: "card", "data-handler": handler.name },
      element("h2", {}, name(handler.name)),
      handler.problem && element("p", { class: "failed" }, visible(handler.problem)),
      denials.length ? element("h3", {}, "Denied so far") : null,
      denials.length ? this.#denials(denials) : null,
      grantBox(handler.blocks, `policies-${handler.name}`),
      handler.policies.map(policy),
    );
  }

  #denials(denials) {
    const one = ({ denial, tenants, isGranted, events, last }) => {
      const link = element("button", { class: "plain link", onclick: () => this.#look(last), "data-keep": `look ${denial.what}` }, "show the last one");
      const whose = tenants.length === 0 ? "" : `, of ${listed("tenant", tenants, 5)}`;
      const note = denial.key === null ? "No grant can allow this." : isGranted ? "This is granted now." : null;
      return element(
        "li",
        { class: isGranted ? "granted" : null },
        element("p", {}, visible(denial.what), ` in ${counted(events, "event")}${whose}: `, link),
        note && element("p", { class: "note" }, note),
      );
    };
    return element("ul", { class: "denials" }, denials.map(one));
  }
}

/** The first names, and how many more there are. */
function listed(what, names, most) {
  const more = names.length > most ? ` and ${count(names.length - most)} more` : "";
  return `${names.length === 1 ? what : `${what}s`} ${names.slice(0, most).map((one) => name(one, 40)).join(", ")}${more}`;
}

function policy({ events, tenants, limits, grants, denied }) {
  const whose = [events, tenants.length && listed("tenant", tenants, 20)];
  return element(
    "div",
    { class: "policy" },
    element("h3", {}, whose.filter(Boolean).join("; ") || "no event"),
    element("h4", {}, "Grants"),
    grants.length
      ? element("dl", {}, grants.map(({ key, values }) => [element("dt", {}, key), element("dd", {}, values.length ? values.map((value) => name(value, 200)).join(", ") : "nothing")]))
      : element("p", { class: "note" }, "None: no environment variables, files or network."),
    denied.length ? element("h4", {}, "Imported, but nothing is granted") : null,
    denied.length ? element("ul", { class: "imports" }, denied.map(imported)) : null,
    element("h4", {}, "Limits"),
    element("dl", { class: "limits" }, limits.map(limit)),
  );
}

/** An import that a handler may never have used: no more than a remark. */
function imported({ import: wanted, table, lines }) {
  const note = table === null ? "Raw sockets are never granted; use wasi:http." : `To grant it, add ${lines.join(" or ")} to [${table}].`;
  return element("li", {}, element("code", {}, name(wanted)), element("p", { class: "note" }, visible(note)));
}

function limit({ key, text, default: isDefault, change }) {
  const note = change && `, handler: ${change.narrower ?? change.wider}`;
  return [element("dt", {}, key), element("dd", { class: isDefault ? "note" : null }, `${text}${note ?? ""}`)];
}
