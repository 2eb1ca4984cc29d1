// The tenants of bulkhead.toml and those of the store, which come and go while the page is open.

import { ask, count, element, name } from "./show.js";

const EVERY = 1000;

const COLUMNS = ["Tenant", "From", "Version", "Handler or kind", "Component", "State", "Until"];

export class Known {
  #panel;
  #isAsked = false;
  #told = "";

  /** `panel` is the element that contains the list. */
  constructor(panel) {
    this.#panel = panel;
  }

  /** Draws the list, and again for as long as it is seen. */
  async draw() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    const asked = performance.now();
    const response = await ask("/.bulkhead/tenants").catch(() => null);
    const text = response?.ok ? await response.text() : this.#told;
    if (text !== this.#told) this.#show(JSON.parse(text));
    this.#told = text;
    setTimeout(() => {
      this.#isAsked = false;
      if (!document.hidden && this.#panel.checkVisibility()) this.draw();
    }, Math.max(EVERY, 4 * (performance.now() - asked)));
  }

  #show({ count: inManifest, tenants, store }) {
    const rows = [...tenants.map(ofManifest), ...(store?.tenants ?? []).map(ofStore)];
    const head = element("tr", {}, COLUMNS.map((title) => element("th", { scope: "col" }, title)));
    const table = element("table", {}, element("thead", {}, head), element("tbody", {}, rows));
    const more = [part("bulkhead.toml", tenants.length, inManifest), store && part("the store", store.tenants.length, store.count)];
    this.#panel.hidden = inManifest === 0 && store === null;
    this.#panel.replaceChildren(
      element("h2", {}, "In bulkhead.toml and in the store"),
      element("p", { class: "note" }, [store && `The store is ${name(store.url, 200)}.`, ...more].filter(Boolean).join(" ")),
      store?.problem ? element("p", { class: "failed" }, name(store.problem, 400)) : "",
      element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "In bulkhead.toml and in the store" }, table),
    );
    table.hidden = rows.length === 0;
  }
}

/** How many there are, if not all of them are listed. Records of removed tenants count, too. */
function part(place, shown, all) {
  return all > shown ? `${count(shown)} of ${count(all)} records of ${place} are listed.` : null;
}

function ofManifest({ id, handler }) {
  return row(id, ["bulkhead.toml", "", name(handler, 60), "", "", ""], "");
}

function ofStore({ id, version, kind, component, state, until, problem }) {
  const told = problem === null ? state : `${state}: ${problem}`;
  const digest = component === null ? "" : component.slice(0, "sha256:".length + 12);
  return row(id, ["store", String(version ?? ""), name(kind ?? "", 60), digest, name(told, 200), until ?? ""], state);
}

function row(id, cells, state) {
  const isBad = state === "expired" || state === "invalid";
  return element("tr", { class: isBad ? "failed" : null }, element("th", { scope: "row" }, name(id, 80)), cells.map((text) => element("td", {}, text)));
}
