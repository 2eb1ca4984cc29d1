import * as path from 'node:path';
import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
{% if alias %}
import * as codedeploy from 'aws-cdk-lib/aws-codedeploy';
{% endif %}
{% if access.has_own_table %}
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
{% endif %}
{% if instances and not instances.provider %}
import * as ec2 from 'aws-cdk-lib/aws-ec2';
{% endif %}
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
{% if alarms %}
import { addAlarms } from './alarms';
{% endif %}
{% if sources.is_any %}
import { addSources } from './sources';
{% endif %}

export interface FunctionStackProps extends StackProps {
  /** What all names end in: nothing, or `-` and the stage. */
  readonly suffix: string;
}

export class FunctionStack extends Stack {
  constructor(scope: Construct, id: string, props: FunctionStackProps) {
    super(scope, id, props);
    const name = {{ name }} + props.suffix;

    const logGroup = new logs.LogGroup(this, 'Logs', {
      logGroupName: `/aws/lambda/${name}`,
      retention: logs.RetentionDays.{{ log_retention.name | safe }},
      removalPolicy: RemovalPolicy.DESTROY,
    });

    // It may write its own log, and what is added to it below.
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    });
    logGroup.grantWrite(role);

    const fn = new lambda.Function(this, 'Function', {
      functionName: name,
      code: lambda.Code.fromAsset(path.resolve(__dirname, '..', {{ zip }})),
      runtime: lambda.Runtime.PROVIDED_AL2023,
      architecture: lambda.Architecture.{{ "ARM_64" | safe if arch == "arm64" else "X86_64" | safe }}, // as the zip was packaged
      handler: {{ handler }},
      memorySize: {{ memory }},
      timeout: Duration.seconds({{ timeout }}),
{% if environment %}
      environment: {
{% for variable in environment %}
        {{ variable.name | safe }}: {{ variable.value }},
{% endfor %}
      },
{% endif %}
      role,
      logGroup,
{% if alias %}
      // The versions before stay, so that the alias can be moved back.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
{% endif %}
      loggingFormat: lambda.LoggingFormat.{{ log_format | upper | safe }},
{% if tracing %}
      tracing: lambda.Tracing.ACTIVE,
{% endif %}
{% if tenancy %}
      // Each tenant has its own environments. This cannot be changed after the function is created.
      tenancyConfig: lambda.TenancyConfig.PER_TENANT,
{% endif %}
    });
{% if environment or vpc or (instances and instances.provider) %}
    const cfnFunction = fn.node.defaultChild as lambda.CfnFunction;
{% endif %}
{% if environment %}

    // A key of yours for the environment variables: `cdk deploy -c kmsKeyArn=ARN`. The construct would allow more.
    const kmsKeyArn: string | undefined = this.node.tryGetContext('kmsKeyArn');
    if (kmsKeyArn !== undefined) {
      cfnFunction.kmsKeyArn = kmsKeyArn;
      role.addToPolicy(new iam.PolicyStatement({ actions: ['kms:Decrypt'], resources: [kmsKeyArn] }));
    }
{% endif %}
{% if reads %}

    // It may read the tenants of its store.
    role.addToPolicy(new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: [{{ reads.objects }}] }));
    // Without this, S3 does not say that a tenant does not exist.
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [{{ reads.bucket }}],
        conditions: { StringLike: { 's3:prefix': [{{ reads.keys }}] } },
      }),
    );
{% endif %}
{% if access.roles %}

    // It may open sessions of the roles of its credentials. The trust policy of such a role has to allow this role both
    // actions, too: see docs/credentials.md of Bulkhead.
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['sts:AssumeRole', 'sts:TagSession'],
        resources: [
{% for role in access.roles %}
          {{ role }},
{% endfor %}
        ],
      }),
    );
    // A role of credentials trusts the role of the function, and its policies depend on the tag of the session. If this
    // stack is to create one, remove the signs before these lines:
    // const tenantRole = new iam.Role(this, 'TenantRole', {
    //   roleName: {{ access.tenant_role }},
    //   assumedBy: new iam.ArnPrincipal(role.roleArn)
    //     .withConditions({ Null: { 'aws:RequestTag/tenant': 'false' } })
    //     .withSessionTags(),
    // });
    // tenantRole.addToPolicy(
    //   new iam.PolicyStatement({
    //     actions: ['s3:GetObject', 's3:PutObject'],
    //     resources: ['arn:aws:s3:::BUCKET/${aws:PrincipalTag/tenant}/*'],
    //   }),
    // );
{% endif %}
{% if access.own %}

    // Its credentials sign requests to {{ access.own | join(", ") | safe }} with this role. Add here what handlers may do there.
{% endif %}
{% if access.parameters %}

    // It may read the secrets of its credentials. If a key of yours encrypts them, it needs kms:Decrypt for this key, too.
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['ssm:GetParameter'],
        resources: [
{% for resource in access.parameters %}
{% if resource.arn %}
          {{ resource.arn }},
{% else %}
          `arn:${this.partition}:ssm:${this.region}:${this.account}:{{ resource.end | safe }}`,
{% endif %}
{% endfor %}
        ],
      }),
    );
{% endif %}
{% if access.secrets %}

    // It may read the secrets of its credentials. If a key of yours encrypts them, it needs kms:Decrypt for this key, too.
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['secretsmanager:GetSecretValue'],
        resources: [
{% for resource in access.secrets %}
{% if resource.arn %}
          {{ resource.arn }},
{% else %}
          `arn:${this.partition}:secretsmanager:${this.region}:${this.account}:{{ resource.end | safe }}`,
{% endif %}
{% endfor %}
        ],
      }),
    );
{% endif %}
{% for table in access.tables %}

{% if not table.region %}
    // The values of key-value stores. The table stays if the stack is deleted.
    const store{{ table.id | safe }} = new dynamodb.Table(this, 'Store{{ table.id | safe }}', {
      tableName: {{ table.name }},
      partitionKey: { name: 'owner', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'key', type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: dynamodb.TableEncryption.AWS_MANAGED,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
{% endif %}
    // It may use the keys of its stores{% if table.region %}. The table is in another region, where it has to be made{% endif %}.
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: [
          'dynamodb:BatchGetItem',
          'dynamodb:BatchWriteItem',
          'dynamodb:DeleteItem',
          'dynamodb:GetItem',
          'dynamodb:PutItem',
          'dynamodb:Query',
          'dynamodb:UpdateItem',
        ],
{% if table.region %}
        resources: [`arn:${this.partition}:dynamodb:{{ table.region | safe }}:${this.account}:table/{{ table.name | safe }}`],
{% else %}
        resources: [store{{ table.id | safe }}.tableArn],
{% endif %}
        conditions: {
          'ForAllValues:StringLike': {
            'dynamodb:LeadingKeys': [
{% for owner in table.owners %}
              {{ owner }},
{% endfor %}
            ],
          },
        },
      }),
    );
{% endfor %}
{% if vpc %}

    // A construct would look the network up; the function needs its ids only.
    cfnFunction.vpcConfig = { subnetIds: this.ids('subnetIds'), securityGroupIds: this.ids('securityGroupIds') };
    // Lambda itself attaches the function to the subnets with these. EC2 does not support a narrower resource.
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: [
          'ec2:AssignPrivateIpAddresses',
          'ec2:CreateNetworkInterface',
          'ec2:DeleteNetworkInterface',
          'ec2:DescribeNetworkInterfaces',
          'ec2:DescribeSubnets',
          'ec2:UnassignPrivateIpAddresses',
        ],
        resources: ['*'],
      }),
    );
{% endif %}
{% if instances and instances.provider %}

    // No construct accepts an existing capacity provider, so this uses the CloudFormation property.
    cfnFunction.publishToLatestPublished = true;
    cfnFunction.capacityProviderConfig = {
      lambdaManagedInstancesCapacityProviderConfig: {
        capacityProviderArn: {{ instances.provider }},
{% if instances.max_concurrency %}
        perExecutionEnvironmentMaxConcurrency: {{ instances.max_concurrency }},
{% endif %}
      },
    };
{% elif instances %}

    // All functions of one capacity provider have to trust each other, so this one has its own.
    const instances = new lambda.CapacityProvider(this, 'Instances', {
      subnets: this.ids('subnetIds').map((id) => ec2.Subnet.fromSubnetId(this, id, id)),
      securityGroups: this.ids('securityGroupIds').map((id) => ec2.SecurityGroup.fromSecurityGroupId(this, id, id)),
      architectures: [fn.architecture],
{% if instances.max_vcpus %}
      maxVCpuCount: {{ instances.max_vcpus }},
{% endif %}
    });
    instances.addFunction(fn, {
{% if instances.max_concurrency %}
      perExecutionEnvironmentMaxConcurrency: {{ instances.max_concurrency }},
{% endif %}
      // Callers that name no version get the latest published one.
      publishToLatestPublished: true,
    });
{% endif %}
{% if alias %}

    // Every deployment publishes a version. Callers and sources call the alias, so that it can be moved back.
    const live = new lambda.Alias(this, 'Live', { aliasName: 'live', version: fn.currentVersion });
{% endif %}
{% if alarms %}

    {% if alias %}const stopsDeployment = {% endif %}addAlarms(this, { name, logGroup });
{% endif %}
{% if alias %}

    // How fast a new version gets the events: `cdk deploy -c deployment=Canary10Percent5Minutes`.
    const deployment: string = this.node.tryGetContext('deployment') ?? 'AllAtOnce';
    new codedeploy.LambdaDeploymentGroup(this, 'Deployment', {
      alias: live,
      deploymentConfig: codedeploy.LambdaDeploymentConfig.fromLambdaDeploymentConfigName(
        this,
        'DeploymentConfig',
        `CodeDeployDefault.Lambda${deployment}`,
      ),
{% if alarms %}
      alarms: stopsDeployment,
{% endif %}
    });
{% endif %}
{% if sources.is_any %}

    addSources(this, { name, suffix: props.suffix, role, target: {{ "live" | safe if alias else "fn" | safe }} });
{% endif %}

    new CfnOutput(this, 'FunctionArn', { value: fn.functionArn });
{% if alias %}
    new CfnOutput(this, 'AliasArn', { value: live.functionArn });
{% endif %}
{% if url %}

    const url = {{ "live" | safe if alias else "fn" | safe }}.addFunctionUrl({
{% if url.is_public %}
      authType: lambda.FunctionUrlAuthType.NONE, // everybody may call it
{% else %}
      authType: lambda.FunctionUrlAuthType.AWS_IAM,
{% endif %}
      invokeMode: lambda.InvokeMode.{{ url.invoke_mode | safe }},
    });
    new CfnOutput(this, 'FunctionUrl', { value: url.url });
{% endif %}
  }
{% if network %}

  /** What `cdk deploy -c KEY=ID,ID` says. */
  private ids(key: string): string[] {
    const ids = this.node.tryGetContext(key);
    if (typeof ids !== 'string' || ids === '') {
      throw new Error(`say where in the network the {{ network | safe }} is: -c ${key}=ID,ID`);
    }
    return ids.split(',');
  }
{% endif %}
}
