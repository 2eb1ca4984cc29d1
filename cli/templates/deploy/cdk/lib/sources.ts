{% if sources.is_any %}
import { CfnOutput{% if sources.sqs or failures %}, Duration{% endif %}{% if sources.kinesis or sources.dynamodb or sources.s3 %}, RemovalPolicy{% endif %}, type Stack } from 'aws-cdk-lib';
{% if sources.http_api %}
import * as apigateway from 'aws-cdk-lib/aws-apigatewayv2';
{% endif %}
{% if sources.dynamodb %}
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
{% endif %}
{% if sources.alb %}
import * as elb from 'aws-cdk-lib/aws-elasticloadbalancingv2';
{% endif %}
{% if sources.eventbridge %}
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
{% endif %}
import * as iam from 'aws-cdk-lib/aws-iam';
{% if sources.kinesis %}
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
{% endif %}
import * as lambda from 'aws-cdk-lib/aws-lambda';
{% if sources.s3 %}
import * as s3 from 'aws-cdk-lib/aws-s3';
{% endif %}
{% if sources.sqs or failures %}
import * as sqs from 'aws-cdk-lib/aws-sqs';
{% endif %}

export interface SourcesProps {
  /** The function's name. */
  readonly name: string;
  /** What all names end in. */
  readonly suffix: string;
  /** The function's role. The constructs for sources would allow it more than it needs. */
  readonly role: iam.Role;
  /** What the sources call. */
  readonly target: lambda.Function | lambda.Alias;
}

/** All that calls the function. */
export function addSources(stack: Stack, { {{ "name, " | safe if sources.needs_name else "" | safe }}{{ "suffix, " | safe if sources.s3 or sources.alb else "" | safe }}{{ "role, " | safe if sources.sqs or failures else "" | safe }}target }: SourcesProps): void {
{% if sources.sqs or failures %}
  const allow = (actions: string[], arn: string) =>
    role.addToPolicy(new iam.PolicyStatement({ actions, resources: [arn] }));
{% endif %}
{% if failures %}

  // Events and records that failed after all attempts. They are kept for 14 days.
  const failures = new sqs.Queue(stack, 'Failures', {
    queueName: `${name}-failures`,
    retentionPeriod: Duration.days(14),
    encryption: sqs.QueueEncryption.SQS_MANAGED,
  });
  allow(['sqs:SendMessage'], failures.queueArn);
  const onFailure = { bind: () => ({ destination: failures.queueArn }) };
  new CfnOutput(stack, 'FailuresUrl', { value: failures.queueUrl });
{% endif %}
{% if sources.sqs %}

  // Messages that failed five times. They are kept for 14 days.
  const deadLetters = new sqs.Queue(stack, 'DeadLetters', {
    queueName: `${name}-dead-letters`,
    retentionPeriod: Duration.days(14),
    encryption: sqs.QueueEncryption.SQS_MANAGED,
  });
  // Messages become visible again after the visibility timeout. AWS recommends six times the function's timeout.
  const queue = new sqs.Queue(stack, 'Queue', {
    queueName: name,
    visibilityTimeout: Duration.seconds({{ visibility }}),
    retentionPeriod: Duration.days(4),
    encryption: sqs.QueueEncryption.SQS_MANAGED,
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: 5 },
  });
  allow(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'], queue.queueArn);
  target.addEventSourceMapping('QueueMapping', {
    eventSourceArn: queue.queueArn,
    batchSize: 10,
    // The answer names the messages that failed. Only these come again.
    reportBatchItemFailures: true,
  });
  new CfnOutput(stack, 'QueueUrl', { value: queue.queueUrl });
  new CfnOutput(stack, 'DeadLettersUrl', { value: deadLetters.queueUrl });
{% endif %}
{% if sources.is_stream %}

  const batches: Omit<lambda.EventSourceMappingOptions, 'eventSourceArn'> = {
    startingPosition: lambda.StartingPosition.TRIM_HORIZON,
    batchSize: 100,
    // The answer names the first record that failed. A batch that fails as a whole is divided, until its bad record is
    // alone. That one is tried three times more, and the queue then gets its place in the stream.
    reportBatchItemFailures: true,
    bisectBatchOnError: true,
    retryAttempts: 3,
    maxRecordAge: Duration.days(1),
    onFailure,
  };
{% endif %}
{% if sources.kinesis %}

  const stream = new kinesis.Stream(stack, 'Stream', {
    streamName: name,
    retentionPeriod: Duration.hours(24),
    streamMode: kinesis.StreamMode.ON_DEMAND,
    encryption: kinesis.StreamEncryption.MANAGED,
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
  allow(
    [
      'kinesis:DescribeStream',
      'kinesis:DescribeStreamSummary',
      'kinesis:GetRecords',
      'kinesis:GetShardIterator',
      'kinesis:ListShards',
    ],
    stream.streamArn,
  );
  target.addEventSourceMapping('StreamMapping', { ...batches, eventSourceArn: stream.streamArn });
  new CfnOutput(stack, 'StreamName', { value: stream.streamName });
{% endif %}
{% if sources.dynamodb %}

  const table = new dynamodb.Table(stack, 'Table', {
    tableName: name,
    partitionKey: { name: 'id', type: dynamodb.AttributeType.STRING },
    billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    encryption: dynamodb.TableEncryption.AWS_MANAGED,
    stream: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
    removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  });
  const streamArn = table.tableStreamArn!;
  allow(
    ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'],
    streamArn,
  );
  target.addEventSourceMapping('TableMapping', { ...batches, eventSourceArn: streamArn });
  new CfnOutput(stack, 'TableName', { value: table.tableName });
{% endif %}
{% if sources.is_async %}

  // What fails is tried twice more, and then put into the queue.
{% if alias %}
  target.configureAsyncInvoke({ retryAttempts: 2, maxEventAge: Duration.hours(6), onFailure });
{% else %}
  new lambda.EventInvokeConfig(stack, 'Retries', {
    function: target,
    qualifier: '$LATEST.PUBLISHED', // what sources call
    retryAttempts: 2,
    maxEventAge: Duration.hours(6),
    onFailure,
  });
{% endif %}
{% endif %}
{% if sources.eventbridge %}

  new events.Rule(stack, 'Rule', {
{% if sources.schedule %}
    schedule: events.Schedule.expression({{ sources.schedule }}),
{% else %}
    // The events on the default bus that name this function as their source
    eventPattern: { source: [name] },
{% endif %}
    targets: [
      // What Lambda does not accept is tried again, and then put into the queue.
      new targets.LambdaFunction(target, {
        retryAttempts: 185,
        maxEventAge: Duration.days(1),
        deadLetterQueue: failures,
      }),
    ],
  });
{% endif %}
{% if sources.s3 %}

  // Its name is known before it exists, so that the permission can name it: S3 asks for the permission first. The
  // construct for buckets would add another function for this.
  const bucketName = `{{ bucket | safe }}${suffix}-${stack.account}-${stack.region}`;
  const bucket = new s3.CfnBucket(stack, 'Bucket', {
    bucketName,
    publicAccessBlockConfiguration: {
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    },
    notificationConfiguration: {
      lambdaConfigurations: [{ event: 's3:ObjectCreated:*', function: target.functionArn }],
    },
  });
  bucket.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
  const bucketPermission = new lambda.CfnPermission(stack, 'BucketPermission', {
    functionName: target.functionArn,
    action: 'lambda:InvokeFunction',
    principal: 's3.amazonaws.com',
    sourceAccount: stack.account,
    sourceArn: `arn:${stack.partition}:s3:::${bucketName}`,
  });
  bucket.addResourceDependency(bucketPermission);
  new CfnOutput(stack, 'BucketName', { value: bucket.ref });
{% endif %}
{% if sources.http_api %}

  const api = new apigateway.CfnApi(stack, 'Api', { name, protocolType: 'HTTP' });
  const integration = new apigateway.CfnIntegration(stack, 'ApiIntegration', {
    apiId: api.ref,
    integrationType: 'AWS_PROXY',
    integrationUri: target.functionArn,
    payloadFormatVersion: '2.0',
  });
  new apigateway.CfnRoute(stack, 'ApiRoute', {
    apiId: api.ref,
    routeKey: '$default',
    // The callers that IAM allows; everybody: `cdk deploy -c apiAuthorization=NONE`.
    authorizationType: stack.node.tryGetContext('apiAuthorization') ?? 'AWS_IAM',
    target: `integrations/${integration.ref}`,
  });
  new apigateway.CfnStage(stack, 'ApiStage', { apiId: api.ref, stageName: '$default', autoDeploy: true });
  new lambda.CfnPermission(stack, 'ApiPermission', {
    functionName: target.functionArn,
    action: 'lambda:InvokeFunction',
    principal: 'apigateway.amazonaws.com',
    sourceArn: `arn:${stack.partition}:execute-api:${stack.region}:${stack.account}:${api.ref}/$default/$default`,
  });
  new CfnOutput(stack, 'ApiUrl', { value: api.attrApiEndpoint });
{% endif %}
{% if sources.alb %}

  // The target group asks for this permission when it is created, so the permission cannot have its whole ARN.
  const targetGroupName = `{{ target_group | safe }}${suffix}`;
  const balancerPermission = new lambda.CfnPermission(stack, 'BalancerPermission', {
    functionName: target.functionArn,
    action: 'lambda:InvokeFunction',
    principal: 'elasticloadbalancing.amazonaws.com',
    sourceArn: `arn:${stack.partition}:elasticloadbalancing:${stack.region}:${stack.account}:targetgroup/${targetGroupName}/*`,
  });
  const targetGroup = new elb.CfnTargetGroup(stack, 'TargetGroup', {
    name: targetGroupName,
    targetType: 'lambda',
    targets: [{ id: target.functionArn }],
    // Names that occur twice in a query or in the headers keep both values.
    targetGroupAttributes: [{ key: 'lambda.multi_value_headers.enabled', value: 'true' }],
  });
  targetGroup.addResourceDependency(balancerPermission);
  const balancer = new elb.CfnLoadBalancer(stack, 'Balancer', {
    // With public addresses: `cdk deploy -c balancerScheme=internet-facing`.
    scheme: stack.node.tryGetContext('balancerScheme') ?? 'internal',
    subnets: balancerIds(stack, 'balancerSubnetIds'),
    securityGroups: balancerIds(stack, 'balancerSecurityGroupIds'),
    loadBalancerAttributes: [{ key: 'routing.http.drop_invalid_header_fields.enabled', value: 'true' }],
  });
  // With a certificate it listens for HTTPS: `cdk deploy -c certificateArn=ARN`.
  const certificateArn: string | undefined = stack.node.tryGetContext('certificateArn');
  new elb.CfnListener(stack, 'Listener', {
    loadBalancerArn: balancer.ref,
    port: certificateArn === undefined ? 80 : 443,
    protocol: certificateArn === undefined ? 'HTTP' : 'HTTPS',
    certificates: certificateArn === undefined ? undefined : [{ certificateArn }],
    defaultActions: [{ type: 'forward', targetGroupArn: targetGroup.ref }],
  });
  new CfnOutput(stack, 'BalancerName', { value: balancer.attrDnsName });
{% endif %}
}
{% if sources.alb %}

/** What `cdk deploy -c KEY=ID,ID` says. */
function balancerIds(stack: Stack, key: string): string[] {
  const ids = stack.node.tryGetContext(key);
  if (typeof ids !== 'string' || ids === '') {
    throw new Error(`say where in the network the load balancer is: -c ${key}=ID,ID`);
  }
  return ids.split(',');
}
{% endif %}
{% endif %}
