resource "aws_lambda_function" "this" {
  function_name = var.name
  role          = aws_iam_role.this.arn

  filename         = var.zip
  source_code_hash = filebase64sha256(var.zip)

  runtime       = "provided.al2023"
  architectures = [{{ arch }}] # as the zip was packaged
  handler       = {{ handler }}
  memory_size   = var.memory_size
  timeout       = var.timeout
{% if environment %}

  environment {
    variables = {
{% for variable in environment %}
      {{ variable.name | safe }}{{ variable.gap | safe }} = {{ variable.value }}
{% endfor %}
    }
  }
{% endif %}

  logging_config {
    log_group  = aws_cloudwatch_log_group.this.name
    log_format = {{ log_format }}
  }
{% if tracing %}

  tracing_config {
    mode = "Active"
  }
{% endif %}
{% if tenancy %}

  # Each tenant has its own environments. This cannot be changed after the function is created.
  tenancy_config {
    tenant_isolation_mode = "PER_TENANT"
  }
{% endif %}
{% if instances %}

  # Callers that name no version get the latest published one.
  publish    = true
  publish_to = "LATEST_PUBLISHED"

  capacity_provider_config {
    lambda_managed_instances_capacity_provider_config {
{% if instances.provider %}
      capacity_provider_arn = {{ instances.provider }}
{% else %}
      capacity_provider_arn = aws_lambda_capacity_provider.this.arn
{% endif %}
{% if instances.max_concurrency %}

      per_execution_environment_max_concurrency = {{ instances.max_concurrency }}
{% endif %}
    }
  }
{% endif %}

  # Without these permissions the first events would not be logged.
  depends_on = [aws_iam_role_policy.least]
}
{% if url %}

{% if url.is_public %}
# Everybody may call it: the provider adds the two permissions for this automatically.
{% endif %}
resource "aws_lambda_function_url" "this" {
  function_name      = aws_lambda_function.this.function_name
  authorization_type = {{ "NONE" if url.is_public else "AWS_IAM" }}
  invoke_mode        = {{ url.invoke_mode }}
}
{% endif %}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_in_days
}

resource "aws_iam_role" "this" {
  name_prefix        = "bulkhead-"
  assume_role_policy = local.lambda_may_assume
}

resource "aws_iam_role_policy" "least" {
  name = "least"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # It may write to its own log group only.
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.this.arn}:*"
      },
{% if tracing %}
      {
        # X-Ray does not support a narrower resource.
        Effect   = "Allow"
        Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        Resource = "*"
      },
{% endif %}
    ]
  })
}
{% if instances and not instances.provider %}

# All functions of one capacity provider have to trust each other, so this one has its own.
resource "aws_lambda_capacity_provider" "this" {
  name = var.name

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = var.security_group_ids
  }

  permissions_config {
    capacity_provider_operator_role_arn = aws_iam_role.operator.arn
  }

  instance_requirements {
    architectures = [{{ arch }}]
  }
{% if instances.max_vcpus %}

  capacity_provider_scaling_config {
    scaling_mode   = "Auto"
    max_vcpu_count = {{ instances.max_vcpus }}
  }
{% endif %}

  depends_on = [aws_iam_role_policy_attachment.operator]
}

# Lambda uses this role to start and stop the instances. Handlers do not get it.
resource "aws_iam_role" "operator" {
  name_prefix        = "bulkhead-operator-"
  assume_role_policy = local.lambda_may_assume
}

resource "aws_iam_role_policy_attachment" "operator" {
  role       = aws_iam_role.operator.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator"
}

data "aws_partition" "current" {}
{% endif %}

locals {
  lambda_may_assume = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "lambda.amazonaws.com" }
        Action    = "sts:AssumeRole"
      },
    ]
  })
}
