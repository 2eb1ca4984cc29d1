variable "name" {
  description = "The function's name"
  type        = string
  default     = {{ name }}
}

variable "stage" {
  description = "The name of another deployment of this function, such as prod. It becomes a part of all names."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^[a-z0-9]{0,{{ stage_length }}}$", var.stage))
    error_message = "Use up to {{ stage_length }} of a-z and 0-9."
  }
}

variable "tags" {
  description = "The tags of all that is created"
  type        = map(string)
{% if tags %}
  default = {
{% for tag in tags %}
    {{ tag.name }}{{ tag.gap | safe }} = {{ tag.value }}
{% endfor %}
  }
{% else %}
  default     = {}
{% endif %}
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
{% if alias %}

variable "live_version" {
  description = "The version of the function that the alias calls. Without one, the newest."
  type        = string
  default     = null
}

variable "canary_weight" {
  description = "The part of the events, from 0 to 1, that the newest version gets while the alias calls live_version"
  type        = number
  default     = 0
}
{% endif %}
{% if alarms %}

variable "alarm_email" {
  description = "The address that gets the alarms. It has to confirm this once. Anything else can subscribe to the topic."
  type        = string
  default     = null
}

variable "max_errors" {
  description = "How many events may fail in five minutes before an alarm goes off"
  type        = number
  default     = 0
}
{% for alarm in alarms if alarm.id == "UnknownTenants" %}

variable "max_unknown_tenants" {
  description = "How many events may be of unknown tenants in five minutes before an alarm goes off"
  type        = number
  default     = 10
}
{% endfor %}
{% endif %}
{% if environment %}

variable "kms_key_arn" {
  description = "The key of yours that encrypts the environment variables. Without one, AWS's own key does."
  type        = string
  default     = null
}
{% endif %}
{% if network %}

variable "subnet_ids" {
  description = "The subnets of the {{ network | safe }}. Three in different availability zones survive the loss of one zone."
  type        = list(string)
}

variable "security_group_ids" {
  description = "The security groups of the {{ network | safe }}"
  type        = list(string)
}
{% endif %}
{% if sources.http_api %}

variable "api_authorization" {
  description = "Who may call the API, the callers that IAM allows (AWS_IAM) or everybody (NONE)"
  type        = string
  default     = "AWS_IAM"
}
{% endif %}
{% if sources.alb %}

variable "balancer_subnet_ids" {
  description = "The subnets of the load balancer, in at least two availability zones"
  type        = list(string)
}

variable "balancer_security_group_ids" {
  description = "The security groups of the load balancer. They decide who can reach it."
  type        = list(string)
}

variable "balancer_is_internal" {
  description = "Whether the load balancer has private addresses"
  type        = bool
  default     = true
}

variable "certificate_arn" {
  description = "The certificate for HTTPS, of ACM. Without one, the load balancer listens for HTTP."
  type        = string
  default     = null
}
{% endif %}
