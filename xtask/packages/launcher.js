#!/usr/bin/env node
// Starts the program `bulkhead`, which npm has installed in a package of its own for this processor.
"use strict";

const { spawn } = require("node:child_process");

const name = `bulkhead-lambda-${process.platform}-${process.arch}`;

function find() {
  try {
    return require.resolve(`${name}/bin/bulkhead`);
  } catch {
    console.error(
      `bulkhead: the package ${name} is not installed, which would contain the program for this machine.\n` +
        "There is one for Linux with glibc, on x64 and arm64. " +
        "npm leaves it out when it is called with --omit=optional or --no-optional.",
    );
    process.exit(1);
  }
}

const program = find();
const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });

// A terminal sends these to the program as well, which decides what they mean.
for (const signal of ["SIGINT", "SIGQUIT"]) {
  process.on(signal, () => {});
}
// These are sent to one process only.
for (const signal of ["SIGHUP", "SIGTERM"]) {
  process.on(signal, () => child.kill(signal));
}

child.on("error", (error) => {
  console.error(`bulkhead: ${program} cannot be started: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  if (signal === null) {
    process.exit(code);
  }
  // End as the program did.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
