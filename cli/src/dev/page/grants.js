// The lines of bulkhead.toml that would allow what was denied: one block, for a tenant or for its handler.

import { counted, element, name, tell, visible } from "./show.js";

/** The choices that were made, so that a view that is drawn again keeps them. */
const chosen = new Map();

/** A block of lines for the chosen subject, and the switch between subjects. `keep` names this place in the page. */
export function grants(all, keep) {
  if (all.length === 0) return [];
  const box = element("div", { class: "grant" });
  const labelOf = (grant) => `${grant.to} ${name(grant.name, 60)}`;
  const draw = (grant) => {
    const copy = async () => {
      await navigator.clipboard?.writeText(grant.text);
      tell("copied");
    };
    box.replaceChildren(
      element("p", { class: "note" }, whom(grant)),
      element("div", { class: "place" }, element("p", {}, place(grant)), element("button", { onclick: copy, "data-keep": `${keep} copy` }, "Copy")),
      element("pre", { tabindex: 0, "aria-label": "Lines of bulkhead.toml" }, visible(grant.text)),
      grant.text.includes("allowed_private_networks") ? element("p", { class: "note" }, "A smaller network is enough if the address is in it.") : "",
    );
  };
  const first = all.find((grant) => labelOf(grant) === chosen.get(keep)) ?? all[0];
  const choice = (grant, at) => {
    const choose = () => {
      chosen.set(keep, labelOf(grant));
      draw(grant);
    };
    const input = element("input", { type: "radio", name: keep, onchange: choose, checked: grant === first, "data-keep": `${keep} ${at}` });
    return element("label", {}, input, element("span", {}, labelOf(grant)));
  };
  draw(first);
  return [element("fieldset", { class: "switch" }, element("legend", {}, "Allow it for"), all.map(choice)), box];
}

/** Who may use the grant. */
function whom({ to, name: id, others, isWider }) {
  if (to === "tenant") return `No other tenant may use it.${isWider ? " The line under max lets this tenant have more than its handler." : ""}`;
  return others === 0 ? `Every event of ${name(id, 60)} may use it.` : `Every event of ${name(id, 60)} may use it, also those of ${counted(others, "tenant")}.`;
}

/** Where the lines belong. */
function place({ isNew, firstLine, lastLine }) {
  if (isNew) return "Make this the content of a new bulkhead.toml:";
  if (firstLine === null) return "Add this to the end of bulkhead.toml:";
  const lines = firstLine === lastLine ? `line ${firstLine}` : `lines ${firstLine} to ${lastLine}`;
  return `Replace ${lines} of bulkhead.toml by this:`;
}
