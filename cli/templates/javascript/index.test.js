import assert from 'node:assert';
import { test } from 'node:test';
import handler from './index.js';

test('greets by name', async () => {
  const answer = await handler({ name: 'world' }, { awsRequestId: '1' });
  assert.deepStrictEqual(answer, { message: 'Hello world!' });
});
