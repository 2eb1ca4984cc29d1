// A handler as one writes it for Lambda's Node.js: nothing in here knows of Bulkhead.

let events = 0;

export async function handler(event, context) {
  events += 1;
  console.log("request", context.awsRequestId);
  if (event.fail) throw new RangeError(event.fail);
  while (event.loop);
  if (event.url) return { status: (await fetch(event.url)).status };
  return { message: `Hello ${event.name}!`, events, random: Math.random() };
}
