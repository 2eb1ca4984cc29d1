// Sends events through the public Invoke API: typed by hand, from a file of the project, from a sample, or an earlier one
// again.

import { ask, block, decode, element, hexdump, indented, name, size, tell } from "./show.js";

const at = (id) => document.getElementById(id);

export class Sender {
  #dialog = at("send");
  #open;
  #areSamplesThere = false;
  /** The events in files of the project. */
  #files = [];
  /** The text that this form has put into the field of the event. Text that somebody typed is not replaced. */
  #own = "{}";

  /** `open` is called with the request id of an event to show. */
  constructor(open) {
    this.#open = open;
    at("send-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    at("send-close").addEventListener("click", () => this.#dialog.close());
    at("send-event").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#send();
    });
    at("send-sample").addEventListener("change", (event) => this.#sample(event.target.value));
    at("send-function").addEventListener("change", () => this.#prefill());
  }

  functions(names) {
    const chosen = at("send-function").value;
    at("send-function").replaceChildren(...names.map((one) => element("option", { value: one }, name(one))));
    if (names.includes(chosen)) at("send-function").value = chosen;
  }

  /** Opens the form, with its last content or with an earlier event. */
  async compose(record, text) {
    if (record) {
      at("send-function").value = record.function;
      at("send-tenant").value = record.tenantId ?? "";
      at("send-way").value = record.way === "Event" ? "Event" : "RequestResponse";
      at("send-event").value = text;
      at("send-sample").value = "";
    }
    at("send-answer").replaceChildren();
    this.#dialog.showModal();
    at("send-event").focus();
    await Promise.all([this.#suggest(), this.#fill()]);
    if (!record) this.#prefill();
  }

  /** Sends an earlier event again, unchanged. */
  async again(record, bytes) {
    const sent = await post(record.function, record.tenantId ?? "", record.way === "Event" ? "Event" : "RequestResponse", bytes);
    tell(sent.problem ?? `sent again: ${sent.error ? `failed, ${name(sent.error, 60)}` : "answered"}`);
    if (sent.requestId && !sent.problem) this.#open(sent.requestId);
  }

  /** Offers the events and the tenants of the project as they are now. */
  async #suggest() {
    const response = await ask("/.bulkhead/suggestions").catch(() => null);
    if (!response?.ok) return;
    const { events, tenants, tenantSource } = await response.json();
    this.#files = events;
    at("send-files").hidden = events.length === 0;
    at("send-files").replaceChildren(...events.map((one, index) => element("option", { value: `file ${index}` }, name(one.name))));
    at("send-tenants").replaceChildren(...tenants.map((one) => element("option", { value: one })));
    at("send-tenant").disabled = tenantSource !== null;
    at("send-tenant").placeholder = tenantSource === null ? "none" : `from the event: ${name(tenantSource, 60)}`;
  }

  async #fill() {
    if (this.#areSamplesThere) return;
    const response = await ask("/.bulkhead/samples").catch(() => null);
    if (!response?.ok || this.#areSamplesThere) return;
    this.#areSamplesThere = true;
    const names = await response.json();
    at("send-samples").append(...names.map((one) => element("option", { value: one }, one)));
  }

  /** Puts the project's event into the form, unless somebody typed another. */
  #prefill() {
    if (at("send-event").value !== this.#own || this.#files.length === 0) return;
    const folder = `${at("send-function").value}/`;
    const index = Math.max(0, this.#files.findIndex((one) => one.name.startsWith(folder)));
    at("send-sample").value = `file ${index}`;
    this.#put(this.#files[index].text);
  }

  async #sample(wanted) {
    if (!wanted) return;
    const file = this.#files[Number(/^file (\d+)$/.exec(wanted)?.[1] ?? -1)];
    if (file) {
      this.#put(file.text);
      return;
    }
    const response = await ask(`/.bulkhead/samples/${encodeURIComponent(wanted)}`).catch(() => null);
    if (response?.ok) this.#put(await response.text());
  }

  #put(text) {
    this.#own = indented(text);
    at("send-event").value = this.#own;
    // A textarea may change line ends.
    this.#own = at("send-event").value;
  }

  async #send() {
    if (at("send-now").disabled) return;
    const [to, tenant, way] = ["send-function", "send-tenant", "send-way"].map((id) => at(id).value);
    at("send-now").disabled = true;
    at("send-answer").replaceChildren(element("p", { class: "note" }, "sent"));
    const sent = await post(to, at("send-tenant").disabled ? "" : tenant, way, at("send-event").value);
    at("send-now").disabled = false;
    at("send-answer").replaceChildren(...this.#answer(sent));
  }

  #answer({ problem, error, requestId, bytes, status }) {
    if (problem) return [element("p", { class: "failed" }, problem)];
    const look = () => {
      this.#dialog.close();
      this.#open(requestId);
    };
    const head = error ? element("strong", { class: "failed" }, name(error, 80)) : element("strong", { class: "ok" }, status === 202 ? "accepted" : "answered");
    const show = element("button", { type: "button", onclick: look, id: "send-look" }, "Show the event");
    const text = decode(bytes);
    const note = text === null ? `${size(bytes.length)} that are not text:` : size(bytes.length);
    const body = text === null ? hexdump(bytes) : indented(text);
    return [element("p", {}, head, ` ${note} `, show), ...(bytes.length ? [block(body, "Response body")] : [])];
  }
}

/** One call of the Invoke API. */
async function post(to, tenant, way, event) {
  const headers = { "x-amz-invocation-type": way, "content-type": "application/json" };
  if (tenant) headers["x-amz-tenant-id"] = tenant;
  try {
    const path = `/2015-03-31/functions/${encodeURIComponent(to)}/invocations`;
    const response = await ask(path, { method: "POST", headers, body: event });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const requestId = response.headers.get("x-amzn-requestid");
    if (!response.ok) {
      const told = JSON.parse(decode(bytes) ?? "{}");
      return { problem: `rejected: ${name(told.message ?? response.status, 300)}`, requestId };
    }
    const error = response.headers.get("x-amz-function-error") && errorType(bytes);
    return { error, requestId, bytes, status: response.status };
  } catch (error) {
    return { problem: `the event could not be sent: ${name(error.message, 200)}` };
  }
}

function errorType(bytes) {
  try {
    return String(JSON.parse(decode(bytes) ?? "").errorType ?? "failed");
  } catch {
    return "failed";
  }
}
