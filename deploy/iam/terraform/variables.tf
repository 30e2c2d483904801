variable "owner" {
  type        = string
  description = "The owner of the spec: the roles touch no connection or rule but those with this tag peerd:owner."

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._:/@+=-]{0,127}$", var.owner)) && var.owner != "none"
    error_message = "Give the owner of the spec: letters, digits and ._:/@+=-, a letter or digit first, at most 128."
  }
}

variable "principals" {
  type        = list(string)
  description = "ARNs of who may assume the roles: the role that the daemon runs as, and that of CI where it makes passes."

  validation {
    condition     = length(var.principals) > 0 && alltrue([for p in var.principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/.+)$", p))])
    error_message = "Give ARNs of IAM roles or users, at least one."
  }
}

variable "read_principals" {
  type        = list(string)
  default     = []
  description = "ARNs of who else may assume the reading role, and not the writing one: the role of CI that plans pull requests."

  validation {
    condition     = alltrue([for p in var.read_principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/.+)$", p))])
    error_message = "Give ARNs of IAM roles or users."
  }
}

variable "external_id" {
  type        = string
  default     = ""
  description = "The externalId that the spec states for the account; empty: none."

  validation {
    condition     = can(regex("^([A-Za-z0-9_+=,.@:/-]{2,1000})?$", var.external_id))
    error_message = "Give two or more letters, digits and _+=,.@:/-, or nothing."
  }
}

variable "regions" {
  type        = list(string)
  description = "Regions in which peerd reads and writes."

  validation {
    condition     = length(var.regions) > 0 && alltrue([for r in var.regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]+$", r))])
    error_message = "Give names of regions, at least one."
  }
}

variable "peer_vpcs" {
  type        = list(string)
  default     = ["arn:*:ec2:*:*:vpc/*"]
  description = "ARNs of the VPCs of other accounts that this account's may be peered with: arn:aws:ec2:*:111111111111:vpc/* are all of one account."

  validation {
    condition     = alltrue([for v in var.peer_vpcs : can(regex("^arn:[^:]+:ec2:[^:]+:[^:]+:vpc/.+$", v))])
    error_message = "Give ARNs of VPCs."
  }
}

variable "tag_keys" {
  type        = list(string)
  default     = []
  description = "Keys of the tags that the spec states (tags: of peerings and defaults), beside peerd's own."

  validation {
    condition     = alltrue([for k in var.tag_keys : can(regex("^[A-Za-z0-9 _.:/=+@-]{1,128}$", k)) && k != "peerd:owner"])
    error_message = "Give keys of tags; peerd:owner may not be changed."
  }
}

variable "prune" {
  type        = bool
  default     = false
  description = "Whether peerd runs with --prune, and so may remove what is its own."
}

variable "role_name" {
  type        = string
  default     = "peerd"
  description = "The writing role: role of the account in the spec."
}

variable "read_role_name" {
  type        = string
  default     = "peerd-read"
  description = "The reading role, which plan and --dry-run assume: readRole of the account in the spec; empty: none."
}

variable "role_path" {
  type        = string
  default     = "/"
  description = "The path of the roles; with another one the spec says role: PATH/NAME."
}

variable "permissions_boundary" {
  type        = string
  default     = null
  description = "ARN of a policy that bounds the roles."
}

variable "max_session_duration" {
  type        = number
  default     = 3600
  description = "Seconds that a session may last at most; the spec's sessionDuration may not be longer."

  validation {
    condition     = var.max_session_duration >= 3600 && var.max_session_duration <= 43200
    error_message = "IAM takes 3600 to 43200 seconds."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of the roles."
}
