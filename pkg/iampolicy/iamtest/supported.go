package iamtest

// What EC2 can be asked of each type of resource: the keys of the Service Authorization Reference, "Actions, resources, and condition keys
// for Amazon EC2" (September 2026), a key that ends in / being one of tags. Those that every action has, aws:RequestedRegion and ec2:Region,
// are left out.
var (
	resourceTags = []string{"aws:ResourceTag/", "ec2:ResourceTag/"}
	requestTags  = []string{"aws:RequestTag/", "aws:TagKeys"}
	ofVPC        = append([]string{"ec2:Tenancy", "ec2:VpcID"}, resourceTags...)
	ofPair       = []string{"ec2:AccepterVpc", "ec2:RequesterVpc", "ec2:VpcPeeringConnectionID"}
	ofConnection = append(append([]string{}, ofPair...), resourceTags...)
	ofTable      = append([]string{"ec2:RouteTableID", "ec2:Vpc"}, resourceTags...)
	ofGroup      = append([]string{"ec2:SecurityGroupID", "ec2:Vpc"}, resourceTags...)
)

// supported is action → type of resource → keys. An action of which no type stands here knows no resource but "*".
var supported = map[string]map[string][]string{
	"CreateVpcPeeringConnection":        {"vpc": ofVPC, "vpc-peering-connection": append(append([]string{}, ofPair...), requestTags...)},
	"AcceptVpcPeeringConnection":        {"vpc": ofVPC, "vpc-peering-connection": ofConnection},
	"RejectVpcPeeringConnection":        {"vpc-peering-connection": ofConnection},
	"DeleteVpcPeeringConnection":        {"vpc-peering-connection": ofConnection},
	"ModifyVpcPeeringConnectionOptions": {"vpc-peering-connection": append([]string{"ec2:Attribute", "ec2:Attribute/"}, ofConnection...)},

	"CreateRoute":  {"route-table": ofTable},
	"ReplaceRoute": {"route-table": ofTable},
	"DeleteRoute":  {"route-table": ofTable},

	"AuthorizeSecurityGroupIngress":              {"security-group": ofGroup, "security-group-rule": requestTags},
	"AuthorizeSecurityGroupEgress":               {"security-group": ofGroup, "security-group-rule": requestTags},
	"RevokeSecurityGroupIngress":                 {"security-group": ofGroup},
	"RevokeSecurityGroupEgress":                  {"security-group": ofGroup},
	"UpdateSecurityGroupRuleDescriptionsIngress": {"security-group": ofGroup},
	"UpdateSecurityGroupRuleDescriptionsEgress":  {"security-group": ofGroup},
	"ModifySecurityGroupRules":                   {"security-group": ofGroup, "security-group-rule": resourceTags, "prefix-list": resourceTags},

	"CreateTags": tagging,
	"DeleteTags": tagging,

	"DescribeVpcAttribute":        {"vpc": ofVPC},
	"GetManagedPrefixListEntries": {"prefix-list": resourceTags},
}

// tagging is the types of resource that tests put tags on; ec2:CreateAction is a key of all of them, for CreateTags.
var tagging = map[string][]string{
	"vpc":                    concat(ofVPC, requestTags, createAction),
	"vpc-peering-connection": concat(ofConnection, requestTags, createAction),
	"route-table":            concat(ofTable, requestTags, createAction),
	"security-group":         concat(ofGroup, requestTags, createAction),
	"security-group-rule":    concat(resourceTags, requestTags, createAction),
}

var createAction = []string{"ec2:CreateAction"}

func concat(all ...[]string) []string {
	var out []string
	for _, a := range all {
		out = append(out, a...)
	}
	return out
}
