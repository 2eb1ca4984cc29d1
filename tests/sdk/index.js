// Notes in DynamoDB, by AWS's SDK. The key is the placeholder that every guest gets; the host signs.

import { DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";

const { AWS_REGION: region, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
const client = new DynamoDBClient({
  region,
  endpoint: process.env.AWS_ENDPOINT_URL,
  credentials: { accessKeyId, secretAccessKey },
});

export async function handler({ put, get }) {
  if (put) {
    const item = { id: { S: put.id }, text: { S: put.text } };
    await client.send(new PutItemCommand({ TableName: "notes", Item: item }));
    return { accessKeyId };
  }
  const { Item: item } = await client.send(new GetItemCommand({ TableName: "notes", Key: { id: { S: get } } }));
  return item && { id: item.id.S, text: item.text.S };
}
