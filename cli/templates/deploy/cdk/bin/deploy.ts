import { App{% if tags %}, Tags{% endif %} } from 'aws-cdk-lib';
import { FunctionStack } from '../lib/function-stack';

const app = new App();

/** The name of another deployment, such as `cdk deploy -c stage=prod`. It is a part of all names. */
const stage: string = app.node.tryGetContext('stage') ?? '';
if (!/^[a-z0-9]{0,{{ stage_length }}}$/.test(stage)) {
  throw new Error('a stage has up to {{ stage_length }} of a-z and 0-9: -c stage=NAME');
}
const suffix = stage === '' ? '' : `-${stage}`;

{% if tags %}const stack = {% endif %}new FunctionStack(app, {{ stack }} + suffix, {
  suffix,
  // Uses the account and the region of the CDK command line.
  env: { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION },
});
{% for tag in tags %}
Tags.of(stack).add({{ tag.name }}, {{ tag.value }});
{% endfor %}
