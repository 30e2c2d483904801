# Made by peerd iam-policy for owner acme.
# Checked against AWS's Service Authorization Reference and a simulator of EC2, not against real accounts: try them with EC2's DryRun or IAM's policy simulator first.
# Each account has a provider of its own: provider "aws" { alias = "NAME", … } with the names used below.

variable "peerd_principals" {
  type        = list(string)
  description = "ARNs of who may assume the roles: who runs peerd"
}

# Account a.b, 111111111111
# Unverified: whether EC2 sees a tag that was set a moment ago when it checks aws:ResourceTag. If not, the next pass does what was refused.
# The spec states no role: attach these to whoever peerd runs as.

resource "aws_iam_policy" "peerd_a_b_read" {
  provider = aws.peerd_a_b

  name = "peerd-read"
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "Read",
        "Effect" : "Allow",
        "Action" : [
          "ec2:DescribeManagedPrefixLists",
          "ec2:DescribeNetworkAcls",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeRouteTables",
          "ec2:DescribeSecurityGroupRules",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcAttribute",
          "ec2:DescribeVpcPeeringConnections",
          "ec2:DescribeVpcs",
          "ec2:GetManagedPrefixListEntries"
        ],
        "Resource" : [
          "*"
        ],
        "Condition" : {
          "StringEquals" : {
            "aws:RequestedRegion" : [
              "cn-north-1"
            ]
          }
        }
      }
    ]
  })
}

resource "aws_iam_policy" "peerd_a_b_write" {
  provider = aws.peerd_a_b

  name = "peerd-write"
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "OpenFromVpc",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateVpcPeeringConnection"
        ],
        "Resource" : [
          "arn:aws-cn:ec2:cn-north-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001"
        ]
      },
      {
        "Sid" : "OpenConnection",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateVpcPeeringConnection"
        ],
        "Resource" : [
          "arn:aws-cn:ec2:*:111111111111:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:AccepterVpc" : [
              "arn:aws-cn:ec2:cn-northwest-1:222222222222:vpc/vpc-0a1b2c3d4e5f60002"
            ]
          },
          "StringEquals" : {
            "aws:RequestTag/peerd:owner" : [
              "acme"
            ]
          }
        }
      },
      {
        "Sid" : "TagOpened",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateTags"
        ],
        "Resource" : [
          "arn:aws-cn:ec2:*:111111111111:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : [
              "Name",
              "peerd:entry",
              "peerd:owner",
              "peerd:peering",
              "peerd:try"
            ]
          },
          "StringEquals" : {
            "ec2:CreateAction" : [
              "CreateVpcPeeringConnection"
            ]
          }
        }
      },
      {
        "Sid" : "TagUnowned",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateTags"
        ],
        "Resource" : [
          "arn:aws-cn:ec2:*:111111111111:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:AccepterVpc" : [
              "arn:aws-cn:ec2:cn-northwest-1:222222222222:vpc/vpc-0a1b2c3d4e5f60002"
            ],
            "ec2:RequesterVpc" : [
              "arn:aws-cn:ec2:cn-north-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001"
            ]
          },
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : [
              "peerd:owner",
              "peerd:peering"
            ]
          },
          "Null" : {
            "aws:ResourceTag/peerd:owner" : [
              "true"
            ]
          },
          "StringEquals" : {
            "aws:RequestTag/peerd:owner" : [
              "acme"
            ]
          }
        }
      },
      {
        "Sid" : "TagOwned",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateTags"
        ],
        "Resource" : [
          "arn:aws-cn:ec2:*:111111111111:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : [
              "peerd:peering"
            ]
          },
          "StringEquals" : {
            "aws:ResourceTag/peerd:owner" : [
              "acme"
            ]
          }
        }
      },
      {
        "Sid" : "Routes",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateRoute",
          "ec2:ReplaceRoute"
        ],
        "Resource" : [
          "arn:aws-cn:ec2:*:111111111111:route-table/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:Vpc" : [
              "arn:aws-cn:ec2:cn-north-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001"
            ]
          }
        }
      }
    ]
  })
}

# Account a_b, 222222222222
# Unverified: whether EC2 sees a tag that was set a moment ago when it checks aws:ResourceTag. If not, the next pass does what was refused.

resource "aws_iam_role" "peerd_a_b_222222222222" {
  provider = aws.peerd_a_b_222222222222

  name = "peerd"
  path = "/net/"
  assume_role_policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "AssumedByPeerd",
        "Effect" : "Allow",
        "Principal" : {
          "AWS" : var.peerd_principals
        },
        "Action" : [
          "sts:AssumeRole"
        ],
        "Condition" : {
          "StringEquals" : {
            "sts:RoleSessionName" : [
              "peerd"
            ]
          }
        }
      }
    ]
  })
}

resource "aws_iam_role_policy" "peerd_a_b_222222222222_read" {
  provider = aws.peerd_a_b_222222222222

  name = "peerd-read"
  role = aws_iam_role.peerd_a_b_222222222222.id
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "Read",
        "Effect" : "Allow",
        "Action" : [
          "ec2:DescribeManagedPrefixLists",
          "ec2:DescribeNetworkAcls",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeRouteTables",
          "ec2:DescribeSecurityGroupRules",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcAttribute",
          "ec2:DescribeVpcPeeringConnections",
          "ec2:DescribeVpcs",
          "ec2:GetManagedPrefixListEntries"
        ],
        "Resource" : [
          "*"
        ],
        "Condition" : {
          "StringEquals" : {
            "aws:RequestedRegion" : [
              "cn-northwest-1"
            ]
          }
        }
      }
    ]
  })
}

resource "aws_iam_role_policy" "peerd_a_b_222222222222_write" {
  provider = aws.peerd_a_b_222222222222

  name = "peerd-write"
  role = aws_iam_role.peerd_a_b_222222222222.id
  policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "AcceptIntoVpc",
        "Effect" : "Allow",
        "Action" : [
          "ec2:AcceptVpcPeeringConnection"
        ],
        "Resource" : [
          "arn:aws-cn:ec2:cn-northwest-1:222222222222:vpc/vpc-0a1b2c3d4e5f60002"
        ]
      },
      {
        "Sid" : "AcceptConnection",
        "Effect" : "Allow",
        "Action" : [
          "ec2:AcceptVpcPeeringConnection"
        ],
        "Resource" : [
          "arn:aws-cn:ec2:*:222222222222:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:RequesterVpc" : [
              "arn:aws-cn:ec2:cn-north-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001"
            ]
          },
          "StringEqualsIfExists" : {
            "aws:ResourceTag/peerd:owner" : [
              "acme"
            ]
          }
        }
      },
      {
        "Sid" : "TagUnowned",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateTags"
        ],
        "Resource" : [
          "arn:aws-cn:ec2:*:222222222222:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:AccepterVpc" : [
              "arn:aws-cn:ec2:cn-northwest-1:222222222222:vpc/vpc-0a1b2c3d4e5f60002"
            ],
            "ec2:RequesterVpc" : [
              "arn:aws-cn:ec2:cn-north-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001"
            ]
          },
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : [
              "Name",
              "peerd:owner",
              "peerd:peering"
            ]
          },
          "Null" : {
            "aws:ResourceTag/peerd:owner" : [
              "true"
            ]
          },
          "StringEquals" : {
            "aws:RequestTag/peerd:owner" : [
              "acme"
            ]
          }
        }
      },
      {
        "Sid" : "TagOwned",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateTags"
        ],
        "Resource" : [
          "arn:aws-cn:ec2:*:222222222222:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : [
              "peerd:peering"
            ]
          },
          "StringEquals" : {
            "aws:ResourceTag/peerd:owner" : [
              "acme"
            ]
          }
        }
      },
      {
        "Sid" : "Routes",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateRoute",
          "ec2:ReplaceRoute"
        ],
        "Resource" : [
          "arn:aws-cn:ec2:*:222222222222:route-table/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:Vpc" : [
              "arn:aws-cn:ec2:cn-northwest-1:222222222222:vpc/vpc-0a1b2c3d4e5f60002"
            ]
          }
        }
      }
    ]
  })
}
