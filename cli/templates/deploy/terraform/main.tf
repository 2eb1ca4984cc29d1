resource "aws_lambda_function" "this" {
  function_name = local.name
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

  kms_key_arn = var.kms_key_arn
{% endif %}
{% if vpc %}

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = var.security_group_ids
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
{% else %}

  # Every deployment publishes a version, to which the alias can be moved back.
  publish = true
{% endif %}

  # Without these permissions the function could not be created, or its first events would not be logged.
  depends_on = [aws_iam_role_policy.least]
}
{% if alias %}

# Callers and sources call the alias.
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.this.function_name
  function_version = var.live_version == null ? aws_lambda_function.this.version : var.live_version

  routing_config {
    additional_version_weights = {
      for version, weight in { (aws_lambda_function.this.version) = var.canary_weight } : version => weight if var.live_version != null && weight > 0
    }
  }
}
{% endif %}
{% if url %}

{% if url.is_public %}
# Everybody may call it: the provider adds the two permissions for this automatically.
{% endif %}
resource "aws_lambda_function_url" "this" {
  function_name      = aws_lambda_function.this.function_name
{% if alias %}
  qualifier          = aws_lambda_alias.live.name
{% endif %}
  authorization_type = {{ "NONE" if url.is_public else "AWS_IAM" }}
  invoke_mode        = {{ url.invoke_mode }}
}
{% endif %}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${local.name}"
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
    Statement = {% if environment %}flatten({% endif %}[
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
{% if reads %}
      {
        # It may read the tenants of its store.
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = {{ reads.objects }}
      },
      {
        # Without this, S3 does not say that a tenant does not exist.
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = {{ reads.bucket }}
        Condition = { StringLike = { "s3:prefix" = [{{ reads.keys }}] } }
      },
{% endif %}
{% if access.roles %}
      {
        # It may open sessions of the roles of its credentials. The trust policy of such a role has to allow this role
        # both actions, too: see docs/credentials.md of Bulkhead.
        Effect = "Allow"
        Action = ["sts:AssumeRole", "sts:TagSession"]
        Resource = [
{% for role in access.roles %}
          {{ role }},
{% endfor %}
        ]
      },
{% endif %}
{% if access.own %}
      # Its credentials sign requests to {{ access.own | join(", ") | safe }} with this role. Add here what handlers may do there.
{% endif %}
{% if access.parameters %}
      {
        # It may read the secrets of its credentials. If a key of yours encrypts them, it needs kms:Decrypt for this key,
        # too.
        Effect = "Allow"
        Action = "ssm:GetParameter"
        Resource = [
{% for resource in access.parameters %}
{% if resource.arn %}
          {{ resource.arn }},
{% else %}
          "arn:${data.aws_arn.logs.partition}:ssm:${data.aws_arn.logs.region}:${data.aws_arn.logs.account}:{{ resource.end | safe }}",
{% endif %}
{% endfor %}
        ]
      },
{% endif %}
{% if access.secrets %}
      {
        # It may read the secrets of its credentials. If a key of yours encrypts them, it needs kms:Decrypt for this key,
        # too.
        Effect = "Allow"
        Action = "secretsmanager:GetSecretValue"
        Resource = [
{% for resource in access.secrets %}
{% if resource.arn %}
          {{ resource.arn }},
{% else %}
          "arn:${data.aws_arn.logs.partition}:secretsmanager:${data.aws_arn.logs.region}:${data.aws_arn.logs.account}:{{ resource.end | safe }}",
{% endif %}
{% endfor %}
        ]
      },
{% endif %}
{% for table in access.tables %}
      {
        # It may use the keys of its stores{% if table.region %}. The table is in another region, where it has to be made{% endif %}.
        Effect = "Allow"
        Action = [
          "dynamodb:BatchGetItem",
          "dynamodb:BatchWriteItem",
          "dynamodb:DeleteItem",
          "dynamodb:GetItem",
          "dynamodb:PutItem",
          "dynamodb:Query",
          "dynamodb:UpdateItem",
        ]
{% if table.region %}
        Resource = "arn:${data.aws_arn.logs.partition}:dynamodb:{{ table.region | safe }}:${data.aws_arn.logs.account}:table/{{ table.name | safe }}"
{% else %}
        Resource = aws_dynamodb_table.store_{{ table.id | lower | safe }}.arn
{% endif %}
        Condition = {
          "ForAllValues:StringLike" = {
            "dynamodb:LeadingKeys" = [
{% for owner in table.owners %}
              {{ owner }},
{% endfor %}
            ]
          }
        }
      },
{% endfor %}
{% if vpc %}
      {
        # Lambda itself attaches the function to the subnets with these. EC2 does not support a narrower resource.
        Effect = "Allow"
        Action = [
          "ec2:AssignPrivateIpAddresses",
          "ec2:CreateNetworkInterface",
          "ec2:DeleteNetworkInterface",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSubnets",
          "ec2:UnassignPrivateIpAddresses",
        ]
        Resource = "*"
      },
{% endif %}
{% if sources.sqs %}
      {
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        Resource = aws_sqs_queue.this.arn
      },
{% endif %}
{% if sources.kinesis %}
      {
        Effect = "Allow"
        Action = [
          "kinesis:DescribeStream",
          "kinesis:DescribeStreamSummary",
          "kinesis:GetRecords",
          "kinesis:GetShardIterator",
          "kinesis:ListShards",
        ]
        Resource = aws_kinesis_stream.this.arn
      },
{% endif %}
{% if sources.dynamodb %}
      {
        Effect = "Allow"
        Action = [
          "dynamodb:DescribeStream",
          "dynamodb:GetRecords",
          "dynamodb:GetShardIterator",
          "dynamodb:ListStreams",
        ]
        Resource = aws_dynamodb_table.this.stream_arn
      },
{% endif %}
{% if failures %}
      {
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = aws_sqs_queue.failures.arn
      },
{% endif %}
{% if environment %}
      [for key in var.kms_key_arn == null ? [] : [var.kms_key_arn] : {
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = key
      }],
{% endif %}
    ]{% if environment %}){% endif %}

  })
}
{% if access.roles %}

# A role of credentials trusts the role of the function, and its policies depend on the tag of the session. If this module
# is to create one, remove the signs before these lines:
# resource "aws_iam_role" "tenant" {
#   name = {{ access.tenant_role }}
#   assume_role_policy = jsonencode({
#     Version = "2012-10-17"
#     Statement = [
#       {
#         Effect    = "Allow"
#         Principal = { AWS = aws_iam_role.this.arn }
#         Action    = ["sts:AssumeRole", "sts:TagSession"]
#         Condition = { Null = { "aws:RequestTag/tenant" = "false" } }
#       },
#     ]
#   })
# }
#
# resource "aws_iam_role_policy" "tenant" {
#   name = "own"
#   role = aws_iam_role.tenant.id
#   policy = jsonencode({
#     Version = "2012-10-17"
#     Statement = [
#       {
#         Effect   = "Allow"
#         Action   = ["s3:GetObject", "s3:PutObject"]
#         Resource = "arn:aws:s3:::BUCKET/$${aws:PrincipalTag/tenant}/*"
#       },
#     ]
#   })
# }
{% endif %}
{% if access.is_relative %}

# Its partition, region and account are those of the function.
data "aws_arn" "logs" {
  arn = aws_cloudwatch_log_group.this.arn
}
{% endif %}
{% if instances and not instances.provider %}

# All functions of one capacity provider have to trust each other, so this one has its own.
resource "aws_lambda_capacity_provider" "this" {
  name = local.name

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
  # The name of another stage is a part of all names.
  suffix = var.stage == "" ? "" : "-${var.stage}"
  name   = "${var.name}${local.suffix}"

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
