import type { Context } from './bulkhead.d.ts';

interface Event {
  name: string;
}

interface Greeting {
  message: string;
}

export default async function (event: Event, context: Context): Promise<Greeting> {
  console.log(`request ${context.awsRequestId}`);
  return { message: `Hello ${event.name}!` };
}
