// Lambda's way to call a JavaScript handler, on Bulkhead's contract (`wit/lambda.wit`): JSON in and out, the context under
// the names that Node.js has for it, and an exception as the failure of the event. Copy it; there is nothing to configure.

import { getEnvironment } from "wasi:cli/environment@0.2.0";

// The variables that are granted, and nothing else of Node.js. They are read in the handler: at the top level there are none.
globalThis.process ??= {
  get env() {
    return Object.fromEntries(getEnvironment());
  },
};

/** Makes the export `handler` of a component out of `(event, context) => response`, which may be async. */
export function lambda(handler) {
  return {
    async handle(event, context) {
      try {
        const input = event.length === 0 ? undefined : JSON.parse(new TextDecoder().decode(event));
        const output = await handler(input, named(context));
        return new TextEncoder().encode(JSON.stringify(output) ?? "null");
      } catch (error) {
        throw failure(error);
      }
    },
  };
}

function named(context) {
  const deadline = Number(context.deadlineMs);
  return {
    awsRequestId: context.requestId,
    invokedFunctionArn: context.invokedFunctionArn,
    functionName: context.function.name,
    functionVersion: context.function.version,
    memoryLimitInMB: String(context.function.memoryMb),
    logGroupName: context.function.logGroup,
    logStreamName: context.function.logStream,
    tenantId: context.tenantId ?? undefined,
    clientContext: context.clientContext ? JSON.parse(context.clientContext) : undefined,
    identity: context.identity
      ? { cognitoIdentityId: context.identity.identityId, cognitoIdentityPoolId: context.identity.identityPoolId }
      : undefined,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

function failure(error) {
  if (!(error instanceof Error)) {
    return { errorType: typeof error, errorMessage: String(error), stackTrace: [] };
  }
  // The frame of what `componentize-js` puts around a component is of no use to anybody.
  const frames = (error.stack ?? "").split("\n").filter((frame) => frame !== "" && !frame.includes("/initializer.js:"));
  return { errorType: error.name, errorMessage: error.message, stackTrace: frames };
}
