variable "name" {
  description = "The function's name"
  type        = string
  default     = {{ name }}
}

variable "zip" {
  description = "The zip, as `bulkhead package` makes it"
  type        = string
  default     = {{ zip }}
}

variable "memory_size" {
  description = "The function's memory in MB"
  type        = number
  default     = {{ memory }}
}

variable "timeout" {
  description = "How many seconds an event may take"
  type        = number
  default     = {{ timeout }}
}

variable "log_retention_in_days" {
  description = "How long the log is kept"
  type        = number
  default     = {{ log_retention.days }}
}
{% if instances and not instances.provider %}

variable "subnet_ids" {
  description = "Where the instances run. Three, in three availability zones, survive the loss of one."
  type        = list(string)
}

variable "security_group_ids" {
  description = "What the instances may reach"
  type        = list(string)
}
{% endif %}
