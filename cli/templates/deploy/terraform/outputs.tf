output "function_arn" {
  value = aws_lambda_function.this.arn
}
{% if alias %}

output "alias_arn" {
  value = aws_lambda_alias.live.arn
}

output "version" {
  value = aws_lambda_function.this.version
}
{% endif %}
{% if alarms %}

output "alarm_topic_arn" {
  value = aws_sns_topic.alarms.arn
}
{% endif %}
{% if url %}

output "function_url" {
  value = aws_lambda_function_url.this.function_url
}
{% endif %}
{% if sources.sqs %}

output "queue_url" {
  value = aws_sqs_queue.this.url
}

output "dead_letters_url" {
  value = aws_sqs_queue.dead_letters.url
}
{% endif %}
{% if failures %}

output "failures_url" {
  value = aws_sqs_queue.failures.url
}
{% endif %}
{% if sources.kinesis %}

output "stream_name" {
  value = aws_kinesis_stream.this.name
}
{% endif %}
{% if sources.dynamodb %}

output "table_name" {
  value = aws_dynamodb_table.this.name
}
{% endif %}
{% if sources.s3 %}

output "bucket_name" {
  value = aws_s3_bucket.this.bucket
}
{% endif %}
{% if sources.http_api %}

output "api_url" {
  value = aws_apigatewayv2_api.this.api_endpoint
}
{% endif %}
{% if sources.alb %}

output "balancer_name" {
  value = aws_lb.this.dns_name
}
{% endif %}
