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
      `bulkhead: the package ${name}, which contains the program for this machine, is not installed.\n` +
        "It exists for Linux with glibc, on x64 and arm64. " +
        "npm does not install it with --omit=optional or --no-optional.",
    );
    process.exit(1);
  }
}

const program = find();
const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });

// A terminal sends these to the program as well, so the launcher ignores them.
for (const signal of ["SIGINT", "SIGQUIT"]) {
  process.on(signal, () => {});
}
// These are sent only to the launcher, so it passes them on.
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
  // End by the same signal as the program.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
