# Made by peerd iam-policy --prune for owner acme.
# Checked against AWS's Service Authorization Reference and a simulator of EC2, not against real accounts: try them with EC2's DryRun or IAM's policy simulator first.

variable "peerd_principals" {
  type        = list(string)
  description = "ARNs of who may assume the roles: who runs peerd"
}

# Account network, 111111111111
# Unverified: whether EC2 sees a tag that was set a moment ago when it checks aws:ResourceTag. If not, the next pass does what was refused.

resource "aws_iam_role" "peerd_network" {
  name = "peerd"
  path = "/"
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

resource "aws_iam_role_policy" "peerd_network_read" {
  name = "peerd-read"
  role = aws_iam_role.peerd_network.id
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
              "eu-central-1",
              "eu-west-1",
              "us-east-1"
            ]
          }
        }
      }
    ]
  })
}

resource "aws_iam_role_policy" "peerd_network_write" {
  name = "peerd-write"
  role = aws_iam_role.peerd_network.id
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
          "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001"
        ]
      },
      {
        "Sid" : "OpenConnection",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateVpcPeeringConnection"
        ],
        "Resource" : [
          "arn:aws:ec2:*:111111111111:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:AccepterVpc" : [
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60002"
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
          "arn:aws:ec2:*:111111111111:vpc-peering-connection/*"
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
        "Sid" : "AcceptIntoVpc",
        "Effect" : "Allow",
        "Action" : [
          "ec2:AcceptVpcPeeringConnection"
        ],
        "Resource" : [
          "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001",
          "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60002"
        ]
      },
      {
        "Sid" : "AcceptConnection",
        "Effect" : "Allow",
        "Action" : [
          "ec2:AcceptVpcPeeringConnection"
        ],
        "Resource" : [
          "arn:aws:ec2:*:111111111111:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:RequesterVpc" : [
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001",
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60002",
              "arn:aws:ec2:eu-west-1:999999999999:vpc/vpc-0a1b2c3d4e5f60003"
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
          "arn:aws:ec2:*:111111111111:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:AccepterVpc" : [
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001",
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60002"
            ],
            "ec2:RequesterVpc" : [
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001",
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60002",
              "arn:aws:ec2:eu-west-1:999999999999:vpc/vpc-0a1b2c3d4e5f60003"
            ]
          },
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : [
              "Name",
              "peerd:entry",
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
          "arn:aws:ec2:*:111111111111:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : [
              "peerd:entry",
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
          "arn:aws:ec2:*:111111111111:route-table/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:Vpc" : [
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001",
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60002"
            ]
          }
        }
      },
      {
        "Sid" : "RemoveConnections",
        "Effect" : "Allow",
        "Action" : [
          "ec2:DeleteVpcPeeringConnection"
        ],
        "Resource" : [
          "arn:aws:ec2:*:111111111111:vpc-peering-connection/*"
        ],
        "Condition" : {
          "StringEquals" : {
            "aws:ResourceTag/peerd:owner" : [
              "acme"
            ]
          }
        }
      },
      {
        "Sid" : "RemoveRoutes",
        "Effect" : "Allow",
        "Action" : [
          "ec2:DeleteRoute"
        ],
        "Resource" : [
          "arn:aws:ec2:*:111111111111:route-table/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:Vpc" : [
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001",
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60002",
              "arn:aws:ec2:us-east-1:111111111111:vpc/vpc-0a1b2c3d4e5f60004"
            ]
          }
        }
      },
      {
        "Sid" : "RemoveRules",
        "Effect" : "Allow",
        "Action" : [
          "ec2:RevokeSecurityGroupEgress",
          "ec2:RevokeSecurityGroupIngress"
        ],
        "Resource" : [
          "arn:aws:ec2:*:111111111111:security-group/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:Vpc" : [
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001",
              "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-0a1b2c3d4e5f60002",
              "arn:aws:ec2:us-east-1:111111111111:vpc/vpc-0a1b2c3d4e5f60004"
            ]
          }
        }
      }
    ]
  })
}
