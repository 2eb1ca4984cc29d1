import * as path from 'node:path';
import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
{% if instances and not instances.provider %}
import * as ec2 from 'aws-cdk-lib/aws-ec2';
{% endif %}
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

export class FunctionStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);

    const logGroup = new logs.LogGroup(this, 'Logs', {
      logGroupName: {{ "/aws/lambda/" ~ name }},
      retention: logs.RetentionDays.{{ log_retention.name | safe }},
      removalPolicy: RemovalPolicy.DESTROY,
    });

    // It may write its own log{% if tracing %}, and traces,{% endif %} and nothing else.
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    });
    logGroup.grantWrite(role);

    const fn = new lambda.Function(this, 'Function', {
      functionName: {{ name }},
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
      loggingFormat: lambda.LoggingFormat.{{ log_format | upper | safe }},
{% if tracing %}
      tracing: lambda.Tracing.ACTIVE,
{% endif %}
{% if tenancy %}
      // Each tenant has its own environments. This cannot be changed after the function is created.
      tenancyConfig: lambda.TenancyConfig.PER_TENANT,
{% endif %}
    });
{% if instances and instances.provider %}

    // No construct accepts an existing capacity provider, so this uses the CloudFormation property.
    const cfnFunction = fn.node.defaultChild as lambda.CfnFunction;
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

    new CfnOutput(this, 'FunctionArn', { value: fn.functionArn });
{% if url %}

    const url = fn.addFunctionUrl({
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
{% if instances and not instances.provider %}

  /** What `cdk deploy -c KEY=ID,ID` says. */
  private ids(key: string): string[] {
    const ids = this.node.tryGetContext(key);
    if (typeof ids !== 'string' || ids === '') {
      throw new Error(`say where in the network the instances are: -c ${key}=ID,ID`);
    }
    return ids.split(',');
  }
{% endif %}
}
