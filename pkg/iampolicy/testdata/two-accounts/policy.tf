# Made by peerd iam-policy for owner acme-network.
# Checked against AWS's Service Authorization Reference and a simulator of EC2, not against real accounts: try them with EC2's DryRun or IAM's policy simulator first.
# Each account has a provider of its own: provider "aws" { alias = "NAME", … } with the names used below.

# Account network, 111111111111
# VPC payments is found by its tags {Name="payments-prod" cost${aws:username}="%{a}*"}, and no condition of EC2 asks for the tags of a table's, a group's or a peer's VPC: there every VPC of 222222222222 in us-east-1 is allowed. State its id to narrow that.
# Unverified: whether EC2 sees a tag that was set a moment ago when it checks aws:ResourceTag. If not, the next pass does what was refused.

resource "aws_iam_role" "peerd_network" {
  provider = aws.peerd_network

  name = "peerd"
  path = "/"
  assume_role_policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "AssumedByPeerd",
        "Effect" : "Allow",
        "Principal" : {
          "AWS" : [
            "arn:aws:iam::333333333333:role/ci"
          ]
        },
        "Action" : [
          "sts:AssumeRole"
        ],
        "Condition" : {
          "StringEquals" : {
            "sts:ExternalId" : [
              "acme-7f3"
            ],
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
  provider = aws.peerd_network

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
              "ap-northeast-1"
            ]
          }
        }
      }
    ]
  })
}

resource "aws_iam_role_policy" "peerd_network_write" {
  provider = aws.peerd_network

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
          "arn:aws:ec2:ap-northeast-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001"
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
              "arn:aws:ec2:us-east-1:222222222222:vpc/*"
            ]
          },
          "StringEquals" : {
            "aws:RequestTag/peerd:owner" : [
              "acme-network"
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
              "peerd:try",
              "team"
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
          "arn:aws:ec2:ap-northeast-1:111111111111:vpc/vpc-0a1b2c3d4e5f60003"
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
              "arn:aws:ec2:us-east-1:222222222222:vpc/vpc-0a1b2c3d4e5f60002"
            ]
          },
          "StringEqualsIfExists" : {
            "aws:ResourceTag/peerd:owner" : [
              "acme-network"
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
              "arn:aws:ec2:ap-northeast-1:111111111111:vpc/vpc-0a1b2c3d4e5f60003",
              "arn:aws:ec2:us-east-1:222222222222:vpc/*"
            ],
            "ec2:RequesterVpc" : [
              "arn:aws:ec2:ap-northeast-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001",
              "arn:aws:ec2:us-east-1:222222222222:vpc/vpc-0a1b2c3d4e5f60002"
            ]
          },
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : [
              "Name",
              "peerd:owner",
              "peerd:peering",
              "team"
            ]
          },
          "Null" : {
            "aws:ResourceTag/peerd:owner" : [
              "true"
            ]
          },
          "StringEquals" : {
            "aws:RequestTag/peerd:owner" : [
              "acme-network"
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
              "peerd:peering",
              "team"
            ]
          },
          "StringEquals" : {
            "aws:ResourceTag/peerd:owner" : [
              "acme-network"
            ]
          }
        }
      },
      {
        "Sid" : "SetOptions",
        "Effect" : "Allow",
        "Action" : [
          "ec2:ModifyVpcPeeringConnectionOptions"
        ],
        "Resource" : [
          "arn:aws:ec2:*:111111111111:vpc-peering-connection/*"
        ],
        "Condition" : {
          "StringEquals" : {
            "aws:ResourceTag/peerd:owner" : [
              "acme-network"
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
              "arn:aws:ec2:ap-northeast-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001",
              "arn:aws:ec2:ap-northeast-1:111111111111:vpc/vpc-0a1b2c3d4e5f60003"
            ]
          }
        }
      }
    ]
  })
}

resource "aws_iam_role" "peerd_network_reader" {
  provider = aws.peerd_network

  name = "peerd-read"
  path = "/"
  assume_role_policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "AssumedByPeerd",
        "Effect" : "Allow",
        "Principal" : {
          "AWS" : [
            "arn:aws:iam::333333333333:role/ci"
          ]
        },
        "Action" : [
          "sts:AssumeRole"
        ],
        "Condition" : {
          "StringEquals" : {
            "sts:ExternalId" : [
              "acme-7f3"
            ],
            "sts:RoleSessionName" : [
              "peerd"
            ]
          }
        }
      }
    ]
  })
}

resource "aws_iam_role_policy" "peerd_network_reader_read" {
  provider = aws.peerd_network

  name = "peerd-read"
  role = aws_iam_role.peerd_network_reader.id
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
              "ap-northeast-1"
            ]
          }
        }
      }
    ]
  })
}

# Account payments, 222222222222
# VPC payments is found by its tags {Name="payments-prod" cost${aws:username}="%{a}*"}, and no condition of EC2 asks for the tags of a table's, a group's or a peer's VPC: there every VPC of 222222222222 in us-east-1 is allowed. State its id to narrow that.
# Unverified: in ec2:Vpc of a group in the shared VPC hub either account may stand, 111111111111 or 222222222222, so any is allowed beside the VPC's id.
# Unverified: whether EC2 sees a tag that was set a moment ago when it checks aws:ResourceTag. If not, the next pass does what was refused.

resource "aws_iam_role" "peerd_payments" {
  provider = aws.peerd_payments

  name = "peerd"
  path = "/net/"
  assume_role_policy = jsonencode({
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "AssumedByPeerd",
        "Effect" : "Allow",
        "Principal" : {
          "AWS" : [
            "arn:aws:iam::333333333333:role/ci"
          ]
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

resource "aws_iam_role_policy" "peerd_payments_read" {
  provider = aws.peerd_payments

  name = "peerd-read"
  role = aws_iam_role.peerd_payments.id
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
              "ap-northeast-1",
              "us-east-1"
            ]
          }
        }
      }
    ]
  })
}

resource "aws_iam_role_policy" "peerd_payments_write" {
  provider = aws.peerd_payments

  name = "peerd-write"
  role = aws_iam_role.peerd_payments.id
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
          "arn:aws:ec2:us-east-1:222222222222:vpc/vpc-0a1b2c3d4e5f60002"
        ]
      },
      {
        "Sid" : "OpenConnection",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateVpcPeeringConnection"
        ],
        "Resource" : [
          "arn:aws:ec2:*:222222222222:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:AccepterVpc" : [
              "arn:aws:ec2:ap-northeast-1:111111111111:vpc/vpc-0a1b2c3d4e5f60003"
            ]
          },
          "StringEquals" : {
            "aws:RequestTag/peerd:owner" : [
              "acme-network"
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
          "arn:aws:ec2:*:222222222222:vpc-peering-connection/*"
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
        "Sid" : "AcceptIntoVpcByTags1",
        "Effect" : "Allow",
        "Action" : [
          "ec2:AcceptVpcPeeringConnection"
        ],
        "Resource" : [
          "arn:aws:ec2:us-east-1:222222222222:vpc/*"
        ],
        "Condition" : {
          "StringEquals" : {
            "aws:ResourceTag/Name" : [
              "payments-prod"
            ],
            "aws:ResourceTag/cost$${aws:username}" : [
              "%%{a}*"
            ]
          }
        }
      },
      {
        "Sid" : "AcceptConnection",
        "Effect" : "Allow",
        "Action" : [
          "ec2:AcceptVpcPeeringConnection"
        ],
        "Resource" : [
          "arn:aws:ec2:*:222222222222:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:RequesterVpc" : [
              "arn:aws:ec2:ap-northeast-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001"
            ]
          },
          "StringEqualsIfExists" : {
            "aws:ResourceTag/peerd:owner" : [
              "acme-network"
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
          "arn:aws:ec2:*:222222222222:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:AccepterVpc" : [
              "arn:aws:ec2:ap-northeast-1:111111111111:vpc/vpc-0a1b2c3d4e5f60003",
              "arn:aws:ec2:us-east-1:222222222222:vpc/*"
            ],
            "ec2:RequesterVpc" : [
              "arn:aws:ec2:ap-northeast-1:111111111111:vpc/vpc-0a1b2c3d4e5f60001",
              "arn:aws:ec2:us-east-1:222222222222:vpc/vpc-0a1b2c3d4e5f60002"
            ]
          },
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : [
              "Name",
              "peerd:owner",
              "peerd:peering",
              "team"
            ]
          },
          "Null" : {
            "aws:ResourceTag/peerd:owner" : [
              "true"
            ]
          },
          "StringEquals" : {
            "aws:RequestTag/peerd:owner" : [
              "acme-network"
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
          "arn:aws:ec2:*:222222222222:vpc-peering-connection/*"
        ],
        "Condition" : {
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : [
              "peerd:peering",
              "team"
            ]
          },
          "StringEquals" : {
            "aws:ResourceTag/peerd:owner" : [
              "acme-network"
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
          "arn:aws:ec2:*:222222222222:route-table/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:Vpc" : [
              "arn:aws:ec2:us-east-1:222222222222:vpc/vpc-0a1b2c3d4e5f60002"
            ]
          }
        }
      },
      {
        "Sid" : "RulesOfGroups",
        "Effect" : "Allow",
        "Action" : [
          "ec2:AuthorizeSecurityGroupEgress",
          "ec2:AuthorizeSecurityGroupIngress",
          "ec2:ModifySecurityGroupRules",
          "ec2:UpdateSecurityGroupRuleDescriptionsIngress"
        ],
        "Resource" : [
          "arn:aws:ec2:*:222222222222:security-group/*"
        ],
        "Condition" : {
          "ArnLike" : {
            "ec2:Vpc" : [
              "arn:aws:ec2:ap-northeast-1:*:vpc/vpc-0a1b2c3d4e5f60001",
              "arn:aws:ec2:us-east-1:222222222222:vpc/*"
            ]
          }
        }
      },
      {
        "Sid" : "AddRules",
        "Effect" : "Allow",
        "Action" : [
          "ec2:AuthorizeSecurityGroupEgress",
          "ec2:AuthorizeSecurityGroupIngress"
        ],
        "Resource" : [
          "arn:aws:ec2:*:222222222222:security-group-rule/*"
        ],
        "Condition" : {
          "StringEquals" : {
            "aws:RequestTag/peerd:owner" : [
              "acme-network"
            ]
          }
        }
      },
      {
        "Sid" : "TagAddedRules",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateTags"
        ],
        "Resource" : [
          "arn:aws:ec2:*:222222222222:security-group-rule/*"
        ],
        "Condition" : {
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : [
              "peerd:owner",
              "peerd:peering",
              "team"
            ]
          },
          "StringEquals" : {
            "ec2:CreateAction" : [
              "AuthorizeSecurityGroupEgress",
              "AuthorizeSecurityGroupIngress"
            ]
          }
        }
      },
      {
        "Sid" : "ChangeOwnedRules",
        "Effect" : "Allow",
        "Action" : [
          "ec2:ModifySecurityGroupRules"
        ],
        "Resource" : [
          "arn:aws:ec2:*:222222222222:security-group-rule/*"
        ],
        "Condition" : {
          "StringEquals" : {
            "aws:ResourceTag/peerd:owner" : [
              "acme-network"
            ]
          }
        }
      },
      {
        "Sid" : "TagOwnedRules",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateTags"
        ],
        "Resource" : [
          "arn:aws:ec2:*:222222222222:security-group-rule/*"
        ],
        "Condition" : {
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : [
              "peerd:peering",
              "team"
            ]
          },
          "StringEquals" : {
            "aws:ResourceTag/peerd:owner" : [
              "acme-network"
            ]
          }
        }
      },
      {
        "Sid" : "ListsOfRules",
        "Effect" : "Allow",
        "Action" : [
          "ec2:ModifySecurityGroupRules"
        ],
        "Resource" : [
          "arn:aws:ec2:us-east-1:*:prefix-list/pl-0a1b2c3d4e5f60001"
        ]
      }
    ]
  })
}
