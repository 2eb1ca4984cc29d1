import { App } from 'aws-cdk-lib';
import { FunctionStack } from '../lib/function-stack';

const app = new App();

new FunctionStack(app, {{ stack }}, {
  // Uses the account and the region of the CDK command line.
  env: { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION },
});
