// The handler, written as for Lambda's own Node.js runtime.

/** Returns a greeting. The console goes to the log; a thrown error becomes the error of the event. */
export async function handler(event, context) {
  console.log("request", context.awsRequestId);
  if (event.name === undefined) throw new TypeError("the event has no name");
  return { message: `Hello ${event.name}!` };
}
