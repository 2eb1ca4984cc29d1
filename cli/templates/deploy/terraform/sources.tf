{% set target = "aws_lambda_alias.live.arn" if alias else "aws_lambda_function.this.arn" %}
{% if sources.sqs %}
# Messages become visible again after the visibility timeout. AWS recommends six times the function's timeout.
resource "aws_sqs_queue" "this" {
  name                       = local.name
  visibility_timeout_seconds = 6 * var.timeout
  message_retention_seconds  = 345600
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 5
  })
}

# Messages that failed five times. They are kept for 14 days.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${local.name}-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_lambda_event_source_mapping" "queue" {
  function_name    = {{ target | safe }}
  event_source_arn = aws_sqs_queue.this.arn
  batch_size       = 10

  # The answer names the messages that failed. Only these come again.
  function_response_types = ["ReportBatchItemFailures"]

  depends_on = [aws_iam_role_policy.least]
}

{% endif %}
{% if sources.kinesis %}
resource "aws_kinesis_stream" "this" {
  name             = local.name
  retention_period = 24
  encryption_type  = "KMS"
  kms_key_id       = "alias/aws/kinesis"

  stream_mode_details {
    stream_mode = "ON_DEMAND"
  }
}

resource "aws_lambda_event_source_mapping" "stream" {
  function_name     = {{ target | safe }}
  event_source_arn  = aws_kinesis_stream.this.arn
{% include "stream-mapping.tf" %}
}

{% endif %}
{% if sources.dynamodb %}
resource "aws_dynamodb_table" "this" {
  name             = local.name
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}

resource "aws_lambda_event_source_mapping" "table" {
  function_name     = {{ target | safe }}
  event_source_arn  = aws_dynamodb_table.this.stream_arn
{% include "stream-mapping.tf" %}
}

{% endif %}
{% if sources.eventbridge %}
resource "aws_cloudwatch_event_rule" "this" {
  name = local.name
{% if sources.schedule %}

  schedule_expression = {{ sources.schedule }}
{% else %}

  # The events on the default bus that name this function as their source
  event_pattern = jsonencode({ source = [local.name] })
{% endif %}
}

resource "aws_cloudwatch_event_target" "this" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "function"
  arn       = {{ target | safe }}

  # What Lambda does not accept is tried again, and then put into the queue.
  retry_policy {
    maximum_retry_attempts       = 185
    maximum_event_age_in_seconds = 86400
  }

  dead_letter_config {
    arn = aws_sqs_queue.failures.arn
  }

  depends_on = [aws_lambda_permission.rule, aws_sqs_queue_policy.rule_may_send]
}

resource "aws_lambda_permission" "rule" {
  function_name = aws_lambda_function.this.function_name
{% if alias %}
  qualifier     = aws_lambda_alias.live.name
{% endif %}
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this.arn
}

resource "aws_sqs_queue_policy" "rule_may_send" {
  queue_url = aws_sqs_queue.failures.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.failures.arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.this.arn } }
      },
    ]
  })
}

{% endif %}
{% if sources.s3 %}
resource "aws_s3_bucket" "this" {
  bucket_prefix = "{{ bucket | safe }}${local.suffix}-"
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_notification" "this" {
  bucket = aws_s3_bucket.this.id

  lambda_function {
    lambda_function_arn = {{ target | safe }}
    events              = ["s3:ObjectCreated:*"]
  }

  depends_on = [aws_lambda_permission.bucket]
}

resource "aws_lambda_permission" "bucket" {
  function_name  = aws_lambda_function.this.function_name
{% if alias %}
  qualifier      = aws_lambda_alias.live.name
{% endif %}
  action         = "lambda:InvokeFunction"
  principal      = "s3.amazonaws.com"
  source_arn     = aws_s3_bucket.this.arn
  source_account = data.aws_caller_identity.current.account_id
}

data "aws_caller_identity" "current" {}

{% endif %}
{% if failures %}
# Events and records that failed after all attempts. They are kept for 14 days.
resource "aws_sqs_queue" "failures" {
  name                      = "${local.name}-failures"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

{% endif %}
{% if sources.is_async %}
# What fails is tried twice more, and then put into the queue.
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
{% if alias %}
  qualifier                    = aws_lambda_alias.live.name
{% else %}
  qualifier                    = "$LATEST.PUBLISHED" # what sources call
{% endif %}
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures.arn
    }
  }

  depends_on = [aws_iam_role_policy.least]
}

{% endif %}
{% if sources.http_api %}
resource "aws_apigatewayv2_api" "this" {
  name          = local.name
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "this" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = {{ target | safe }}
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "this" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "$default"
  authorization_type = var.api_authorization
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true
}

resource "aws_lambda_permission" "api" {
  function_name = aws_lambda_function.this.function_name
{% if alias %}
  qualifier     = aws_lambda_alias.live.name
{% endif %}
  action        = "lambda:InvokeFunction"
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/$default/$default"
}

{% endif %}
{% if sources.alb %}
resource "aws_lb" "this" {
  name_prefix                = "bh-"
  internal                   = var.balancer_is_internal
  subnets                    = var.balancer_subnet_ids
  security_groups            = var.balancer_security_group_ids
  drop_invalid_header_fields = true
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = var.certificate_arn == null ? 80 : 443
  protocol          = var.certificate_arn == null ? "HTTP" : "HTTPS"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_lb_target_group" "this" {
  name_prefix = "bh-"
  target_type = "lambda"

  # Names that occur twice in a query or in the headers keep both values.
  lambda_multi_value_headers_enabled = true
}

resource "aws_lb_target_group_attachment" "this" {
  target_group_arn = aws_lb_target_group.this.arn
  target_id        = {{ target | safe }}

  depends_on = [aws_lambda_permission.balancer]
}

resource "aws_lambda_permission" "balancer" {
  function_name = aws_lambda_function.this.function_name
{% if alias %}
  qualifier     = aws_lambda_alias.live.name
{% endif %}
  action        = "lambda:InvokeFunction"
  principal     = "elasticloadbalancing.amazonaws.com"
  source_arn    = aws_lb_target_group.this.arn
}

{% endif %}
