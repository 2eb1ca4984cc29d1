// The handler: what one writes for Lambda's own Node.js.

/** A greeting. What goes to the console is in the log; what is thrown is the error of the event. */
export async function handler(event, context) {
  console.log("request", context.awsRequestId);
  if (event.name === undefined) throw new TypeError("the event has no name");
  return { message: `Hello ${event.name}!` };
}
