import { App } from 'aws-cdk-lib';
import { FunctionStack } from '../lib/function-stack';

const app = new App();

new FunctionStack(app, {{ stack }}, {
  // The account and the region are those of whoever deploys.
  env: { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION },
});
