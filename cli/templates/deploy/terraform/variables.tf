variable "name" {
  description = "The function's name"
  type        = string
  default     = {{ name }}
}

variable "zip" {
  description = "The zip made by `bulkhead package`"
  type        = string
  default     = {{ zip }}
}

variable "memory_size" {
  description = "The function's memory in MB"
  type        = number
  default     = {{ memory }}
}

variable "timeout" {
  description = "The timeout of an event in seconds"
  type        = number
  default     = {{ timeout }}
}

variable "log_retention_in_days" {
  description = "How many days the log is kept"
  type        = number
  default     = {{ log_retention.days }}
}
{% if instances and not instances.provider %}

variable "subnet_ids" {
  description = "The subnets of the instances. Three in different availability zones survive the loss of one zone."
  type        = list(string)
}

variable "security_group_ids" {
  description = "The security groups of the instances"
  type        = list(string)
}
{% endif %}
