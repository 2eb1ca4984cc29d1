export default async function (event, context) {
  console.log(`request ${context.awsRequestId}`);
  return { message: `Hello ${event.name}!` };
}
