output "role_arn" {
  description = "The account's role in the spec."
  value       = aws_iam_role.writer.arn
}

output "read_role_arn" {
  description = "The account's readRole in the spec; null if there is none."
  value       = one(aws_iam_role.reader[*].arn)
}
