{% for table in access.tables if not table.region %}
# The values of key-value stores. Before Terraform can delete the table, this protection has to be switched off.
resource "aws_dynamodb_table" "store_{{ table.id | lower | safe }}" {
  name                        = {{ table.name }}
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "owner"
  range_key                   = "key"
  deletion_protection_enabled = true

  attribute {
    name = "owner"
    type = "S"
  }

  attribute {
    name = "key"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}

{% endfor %}
