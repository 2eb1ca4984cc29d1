// The handler is a plain function: node --test

import assert from "node:assert/strict";
import { test } from "node:test";

import { handler } from "./index.js";

const context = { awsRequestId: "1" };

test("it greets", async () => {
  assert.deepEqual(await handler({ name: "world" }, context), { message: "Hello world!" });
});

test("an event without a name is an error", async () => {
  await assert.rejects(handler({}, context), TypeError);
});
