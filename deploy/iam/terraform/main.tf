# The roles of one member account for peerd, for any spec. Their policies, in policies.tf, are made by peerd iam-policy.

resource "aws_iam_role" "writer" {
  name                 = var.role_name
  path                 = var.role_path
  description          = "Makes and repairs the VPC peerings of peerd, owner ${var.owner}"
  assume_role_policy   = jsonencode(local.trust)
  max_session_duration = var.max_session_duration
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "writer_read" {
  name   = "peerd-read"
  role   = aws_iam_role.writer.id
  policy = jsonencode(local.read)
}

resource "aws_iam_role_policy" "writer_write" {
  name   = "peerd-write"
  role   = aws_iam_role.writer.id
  policy = jsonencode(local.write)
}

resource "aws_iam_role_policy" "writer_remove" {
  count = var.prune ? 1 : 0

  name   = "peerd-remove"
  role   = aws_iam_role.writer.id
  policy = jsonencode(local.remove)
}

resource "aws_iam_role" "reader" {
  count = var.read_role_name == "" ? 0 : 1

  name                 = var.read_role_name
  path                 = var.role_path
  description          = "Reads the VPC peerings of peerd, owner ${var.owner}"
  assume_role_policy   = jsonencode(local.read_trust)
  max_session_duration = var.max_session_duration
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "reader_read" {
  count = var.read_role_name == "" ? 0 : 1

  name   = "peerd-read"
  role   = aws_iam_role.reader[0].id
  policy = jsonencode(local.read)
}
