{% if alarms %}
import { CfnOutput, Duration, type Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';

export interface AlarmsProps {
  /** The function's name. */
  readonly name: string;
  readonly logGroup: logs.LogGroup;
}

/** The alarms, their topic and the dashboard. Returns the alarms that stop a deployment. */
export function addAlarms(stack: Stack, { name, logGroup }: AlarmsProps): cloudwatch.Alarm[] {
  // Who is called subscribes to this topic: `cdk deploy -c alarmEmail=ADDRESS`, or anything else.
  const topic = new sns.Topic(stack, 'Alarms');
  const email: string | undefined = stack.node.tryGetContext('alarmEmail');
  if (email !== undefined) {
    topic.addSubscription(new subscriptions.EmailSubscription(email));
  }
  new CfnOutput(stack, 'AlarmTopicArn', { value: topic.topicArn });
  // How many events may fail in five minutes: `cdk deploy -c maxErrors=N`.
  const maxErrors = Number(stack.node.tryGetContext('maxErrors') ?? 0);
{% for alarm in alarms if alarm.id == "UnknownTenants" %}
  // How many events may be of unknown tenants in five minutes: `cdk deploy -c maxUnknownTenants=N`.
  const maxUnknownTenants = Number(stack.node.tryGetContext('maxUnknownTenants') ?? 10);
{% endfor %}
{% for filter in filters %}

  logGroup.addMetricFilter('{{ filter.id | safe }}Filter', {
    filterPattern: logs.FilterPattern.literal({{ filter.pattern }}),
    metricNamespace: `Bulkhead/${name}`,
    metricName: {{ filter.id }},
    unit: cloudwatch.Unit.COUNT,
  });
{% endfor %}

  const functionDimensions = { FunctionName: name };
{% if sources.sqs %}
  const deadLetters = { QueueName: `${name}-dead-letters` };
{% endif %}
{% if failures %}
  const failures = { QueueName: `${name}-failures` };
{% endif %}
  const alarms: Record<string, cloudwatch.Alarm> = {};
{% for alarm in alarms %}
  alarms[{{ alarm.id }}] = new cloudwatch.Alarm(stack, '{{ alarm.id | safe }}Alarm', {
    alarmDescription: {{ alarm.description }},
    metric: new cloudwatch.Metric({
{% if alarm.subject == "log" %}
      namespace: `Bulkhead/${name}`,
{% else %}
      namespace: {{ alarm.namespace }},
{% endif %}
      metricName: {{ alarm.metric }},
{% if alarm.subject == "function" %}
      dimensionsMap: functionDimensions,
{% elif alarm.subject == "dead_letters" %}
      dimensionsMap: deadLetters,
{% elif alarm.subject == "failures" %}
      dimensionsMap: failures,
{% endif %}
      statistic: {{ alarm.statistic }},
      period: Duration.seconds({{ alarm.period }}),
    }),
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    threshold: {% if alarm.threshold is number %}{{ alarm.threshold }}{% else %}{{ alarm.threshold.context | safe }}{% endif %},
    evaluationPeriods: {{ alarm.periods }},
    datapointsToAlarm: {{ alarm.datapoints }},
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });
{% endfor %}
  for (const alarm of Object.values(alarms)) {
    alarm.addAlarmAction(new actions.SnsAction(topic));
    alarm.addOkAction(new actions.SnsAction(topic));
  }

  new cloudwatch.CfnDashboard(stack, 'Dashboard', {
    dashboardName: name,
{% set function = "${name}" %}
{% set region = "${stack.region}" %}
{% set queue = "${name}" %}
{% set dead_letters = "${name}-dead-letters" %}
{% set failures_queue = "${name}-failures" %}
    dashboardBody: `
{% include "dashboard.json" %}
    `,
  });
  return [{% for alarm in alarms if alarm.stops_deployment %}alarms[{{ alarm.id }}]{% if not loop.last %}, {% endif %}{% endfor %}];
}
{% endif %}
