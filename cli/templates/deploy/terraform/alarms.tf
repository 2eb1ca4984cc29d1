{% if alarms %}
# Who is called subscribes to this topic.
resource "aws_sns_topic" "alarms" {
  name = "${local.name}-alarms"
}

resource "aws_sns_topic_subscription" "alarms" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}
{% for filter in filters %}

resource "aws_cloudwatch_log_metric_filter" "{{ filter.key | safe }}" {
  name           = {{ filter.id }}
  log_group_name = aws_cloudwatch_log_group.this.name
  pattern        = {{ filter.pattern }}

  metric_transformation {
    namespace = "Bulkhead/${local.name}"
    name      = {{ filter.id }}
    value     = "1"
    unit      = "Count"
  }
}
{% endfor %}
{% for alarm in alarms %}

resource "aws_cloudwatch_metric_alarm" "{{ alarm.key | safe }}" {
  alarm_name          = "${local.name}-{{ alarm.id | safe }}"
  alarm_description   = {{ alarm.description }}
{% if alarm.subject == "log" %}
  namespace           = "Bulkhead/${local.name}"
{% else %}
  namespace           = {{ alarm.namespace }}
{% endif %}
  metric_name         = {{ alarm.metric }}
{% if alarm.subject == "function" %}
  dimensions          = { FunctionName = local.name }
{% elif alarm.subject == "dead_letters" %}
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
{% elif alarm.subject == "failures" %}
  dimensions          = { QueueName = aws_sqs_queue.failures.name }
{% endif %}
  statistic           = {{ alarm.statistic }}
  comparison_operator = "GreaterThanThreshold"
  threshold           = {% if alarm.threshold is number %}{{ alarm.threshold }}{% else %}var.{{ alarm.threshold.key | safe }}{% endif %}

  period              = {{ alarm.period }}
  evaluation_periods  = {{ alarm.periods }}
  datapoints_to_alarm = {{ alarm.datapoints }}
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
{% endfor %}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name
{% set function = "${local.name}" %}
{% set region = "${data.aws_region.current.region}" %}
{% set queue = "${local.name}" %}
{% set dead_letters = "${local.name}-dead-letters" %}
{% set failures_queue = "${local.name}-failures" %}
  dashboard_body = <<-JSON
{% include "dashboard.json" %}
  JSON
}

data "aws_region" "current" {}
{% endif %}
