# Lets an Alert Whisperer of your service provider run approved scripts on the machines of this account through Systems
# Manager, and nothing else. Nobody can use the role without the external id.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "trusted_principal" {
  description = "The ARN of the role or user of your service provider that may assume this role."
  type        = string
  default     = "" # filled: principal
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(role|user)/.+)$", var.trusted_principal))
    error_message = "An ARN of IAM is needed."
  }
}

variable "external_id" {
  description = "The external id that your service provider gave you. It is no secret, and yours alone."
  type        = string
  default     = "" # filled: external_id
  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@:/-]{2,1224}$", var.external_id))
    error_message = "An external id is needed: without it anybody whom your provider serves could reach this account."
  }
}

variable "role_name" {
  type    = string
  default = "AlertWhisperer" # filled: role_name
}

variable "tag_key" {
  description = "Only machines that carry this tag may be reached. Empty means every machine of Systems Manager."
  type        = string
  default     = ""
}

variable "tag_value" {
  type    = string
  default = ""
}

variable "output_bucket" {
  description = "The bucket for output that is too long for Systems Manager. Empty means none."
  type        = string
  default     = "" # filled: output_bucket
}

variable "output_prefix" {
  type    = string
  default = "alert-whisperer" # filled: output_prefix
}

variable "output_log_group" {
  description = "The log group of CloudWatch Logs for that output. Empty means none."
  type        = string
  default     = "" # filled: output_log_group
}

data "aws_caller_identity" "here" {}
data "aws_partition" "here" {}

locals {
  partition = data.aws_partition.here.partition
  account   = data.aws_caller_identity.here.account_id
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "WithTheExternalIdOnly"
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [var.trusted_principal]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
  statement {
    sid     = "SayWhoIsBehindIt"
    actions = ["sts:TagSession", "sts:SetSourceIdentity"]
    principals {
      type        = "AWS"
      identifiers = [var.trusted_principal]
    }
    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["aw-run", "aw-requested-by", "aw-approved-by"]
    }
  }
}

data "aws_iam_policy_document" "runs" {
  statement {
    sid     = "TheTwoDocuments"
    actions = ["ssm:SendCommand"]
    resources = [
      "arn:${local.partition}:ssm:*::document/AWS-RunShellScript",
      "arn:${local.partition}:ssm:*::document/AWS-RunPowerShellScript",
    ]
  }
  statement {
    sid     = "TheMachines"
    actions = ["ssm:SendCommand"]
    resources = [
      "arn:${local.partition}:ec2:*:${local.account}:instance/*",
      "arn:${local.partition}:ssm:*:${local.account}:managed-instance/*",
    ]
    dynamic "condition" {
      for_each = var.tag_key == "" ? [] : [var.tag_key]
      content {
        test     = "StringEquals"
        variable = "ssm:resourceTag/${condition.value}"
        values   = [var.tag_value]
      }
    }
  }
  statement {
    sid = "FollowAndStop"
    actions = [
      "ssm:CancelCommand",
      "ssm:DescribeInstanceInformation",
      "ssm:DescribeInstancePatchStates",
      "ssm:GetCommandInvocation",
      "ssm:ListCommandInvocations",
      "ssm:ListCommands",
    ]
    resources = ["*"]
  }
  dynamic "statement" {
    for_each = var.output_bucket == "" ? [] : [var.output_bucket]
    content {
      sid       = "ReadOutputInS3"
      actions   = ["s3:GetObject"]
      resources = ["arn:${local.partition}:s3:::${statement.value}/${var.output_prefix}/*"]
    }
  }
  dynamic "statement" {
    for_each = var.output_log_group == "" ? [] : [var.output_log_group]
    content {
      sid       = "ReadOutputInLogs"
      actions   = ["logs:GetLogEvents"]
      resources = ["arn:${local.partition}:logs:*:${local.account}:log-group:${statement.value}:log-stream:*"]
    }
  }
}

resource "aws_iam_role" "alert_whisperer" {
  name                 = var.role_name
  description          = "Runs scripts that were approved in Alert Whisperer."
  max_session_duration = 3600
  assume_role_policy   = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "runs" {
  name   = "runs"
  role   = aws_iam_role.alert_whisperer.id
  policy = data.aws_iam_policy_document.runs.json
}

output "role_arn" {
  description = "What your service provider needs to know."
  value       = aws_iam_role.alert_whisperer.arn
}
