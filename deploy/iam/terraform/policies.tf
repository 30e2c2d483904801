# Made by peerd iam-policy from ../member.yaml, by go test ./deploy -update: not to be edited.

locals {
  own_vpcs = "arn:${local.partition}:ec2:*:${local.account}:vpc/*"

  trust = {
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "AssumedByPeerd",
        "Effect" : "Allow",
        "Principal" : {
          "AWS" : var.principals
        },
        "Action" : [
          "sts:AssumeRole"
        ],
        "Condition" : {
          "StringEquals" : { for key, values in {
            "sts:ExternalId" : [var.external_id],
            "sts:RoleSessionName" : [
              "peerd"
            ]
          } : key => values if values != [""] }
        }
      }
    ]
  }

  read_trust = {
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "AssumedByPeerd",
        "Effect" : "Allow",
        "Principal" : {
          "AWS" : concat(var.principals, var.read_principals)
        },
        "Action" : [
          "sts:AssumeRole"
        ],
        "Condition" : {
          "StringEquals" : { for key, values in {
            "sts:ExternalId" : [var.external_id],
            "sts:RoleSessionName" : [
              "peerd"
            ]
          } : key => values if values != [""] }
        }
      }
    ]
  }

  read = {
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
            "aws:RequestedRegion" : var.regions
          }
        }
      }
    ]
  }

  write = {
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "OpenFromVpc",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateVpcPeeringConnection"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:vpc/*"],
        "Condition" : {
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions
          }
        }
      },
      {
        "Sid" : "OpenConnection",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateVpcPeeringConnection"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:vpc-peering-connection/*"],
        "Condition" : {
          "ArnLike" : {
            "ec2:AccepterVpc" : concat([local.own_vpcs], var.peer_vpcs)
          },
          "StringEquals" : {
            "aws:RequestTag/peerd:owner" : [var.owner],
            "aws:RequestedRegion" : var.regions
          }
        }
      },
      {
        "Sid" : "TagOpened",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateTags"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:vpc-peering-connection/*"],
        "Condition" : {
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : concat(["Name", "peerd:entry", "peerd:owner", "peerd:peering", "peerd:try"], var.tag_keys)
          },
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions,
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
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:vpc/*"],
        "Condition" : {
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions
          }
        }
      },
      {
        "Sid" : "AcceptConnection",
        "Effect" : "Allow",
        "Action" : [
          "ec2:AcceptVpcPeeringConnection"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:vpc-peering-connection/*"],
        "Condition" : {
          "ArnLike" : {
            "ec2:RequesterVpc" : concat([local.own_vpcs], var.peer_vpcs)
          },
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions
          },
          "StringEqualsIfExists" : {
            "aws:ResourceTag/peerd:owner" : [var.owner]
          }
        }
      },
      {
        "Sid" : "TagUnowned",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateTags"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:vpc-peering-connection/*"],
        "Condition" : {
          "ArnLike" : {
            "ec2:AccepterVpc" : concat([local.own_vpcs], var.peer_vpcs),
            "ec2:RequesterVpc" : concat([local.own_vpcs], var.peer_vpcs)
          },
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : concat(["Name", "peerd:entry", "peerd:owner", "peerd:peering"], var.tag_keys)
          },
          "Null" : {
            "aws:ResourceTag/peerd:owner" : [
              "true"
            ]
          },
          "StringEquals" : {
            "aws:RequestTag/peerd:owner" : [var.owner],
            "aws:RequestedRegion" : var.regions
          }
        }
      },
      {
        "Sid" : "TagOwned",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateTags"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:vpc-peering-connection/*"],
        "Condition" : {
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : concat(["peerd:entry", "peerd:peering"], var.tag_keys)
          },
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions,
            "aws:ResourceTag/peerd:owner" : [var.owner]
          }
        }
      },
      {
        "Sid" : "SetOptions",
        "Effect" : "Allow",
        "Action" : [
          "ec2:ModifyVpcPeeringConnectionOptions"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:vpc-peering-connection/*"],
        "Condition" : {
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions,
            "aws:ResourceTag/peerd:owner" : [var.owner]
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
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:route-table/*"],
        "Condition" : {
          "ArnLike" : {
            "ec2:Vpc" : ["arn:${local.partition}:ec2:*:${local.account}:vpc/*"]
          },
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions
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
          "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
          "ec2:UpdateSecurityGroupRuleDescriptionsIngress"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:security-group/*"],
        "Condition" : {
          "ArnLike" : {
            "ec2:Vpc" : ["arn:${local.partition}:ec2:*:*:vpc/*"]
          },
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions
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
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:security-group-rule/*"],
        "Condition" : {
          "StringEquals" : {
            "aws:RequestTag/peerd:owner" : [var.owner],
            "aws:RequestedRegion" : var.regions
          }
        }
      },
      {
        "Sid" : "TagAddedRules",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateTags"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:security-group-rule/*"],
        "Condition" : {
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : concat(["peerd:owner", "peerd:peering"], var.tag_keys)
          },
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions,
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
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:security-group-rule/*"],
        "Condition" : {
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions,
            "aws:ResourceTag/peerd:owner" : [var.owner]
          }
        }
      },
      {
        "Sid" : "TagOwnedRules",
        "Effect" : "Allow",
        "Action" : [
          "ec2:CreateTags"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:security-group-rule/*"],
        "Condition" : {
          "ForAllValues:StringEquals" : {
            "aws:TagKeys" : concat(["peerd:peering"], var.tag_keys)
          },
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions,
            "aws:ResourceTag/peerd:owner" : [var.owner]
          }
        }
      },
      {
        "Sid" : "ListsOfRules",
        "Effect" : "Allow",
        "Action" : [
          "ec2:ModifySecurityGroupRules"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:*:prefix-list/*"],
        "Condition" : {
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions
          }
        }
      }
    ]
  }

  remove = {
    "Version" : "2012-10-17",
    "Statement" : [
      {
        "Sid" : "RemoveConnections",
        "Effect" : "Allow",
        "Action" : [
          "ec2:DeleteVpcPeeringConnection"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:vpc-peering-connection/*"],
        "Condition" : {
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions,
            "aws:ResourceTag/peerd:owner" : [var.owner]
          }
        }
      },
      {
        "Sid" : "RemoveRoutes",
        "Effect" : "Allow",
        "Action" : [
          "ec2:DeleteRoute"
        ],
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:route-table/*"],
        "Condition" : {
          "ArnLike" : {
            "ec2:Vpc" : ["arn:${local.partition}:ec2:*:${local.account}:vpc/*"]
          },
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions
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
        "Resource" : ["arn:${local.partition}:ec2:*:${local.account}:security-group/*"],
        "Condition" : {
          "ArnLike" : {
            "ec2:Vpc" : ["arn:${local.partition}:ec2:*:*:vpc/*"]
          },
          "StringEquals" : {
            "aws:RequestedRegion" : var.regions
          }
        }
      }
    ]
  }
}
