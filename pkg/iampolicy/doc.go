// Package iampolicy says which permissions a spec needs: for each of its accounts a policy that reads, one that writes, and who may assume
// the roles that carry them. It is pure: nothing is asked of AWS, so what only AWS knows, such as the id of a VPC that is found by its
// tags, is allowed for a whole account and region, and said in a note.
//
// Which resources and condition keys an action has is taken from the Service Authorization Reference, "Actions, resources, and condition
// keys for Amazon EC2" (as of September 2026), and package iamtest checks it. Three limits follow from it, and no policy can be better:
//
//	RevokeSecurityGroup*, UpdateSecurityGroupRuleDescriptions*   know the group only: whose rule it is cannot be asked
//	CreateRoute, ReplaceRoute, DeleteRoute                       know the table only, not the destination or the target
//	AuthorizeSecurityGroup*                                      knows the rule only if it is tagged: tags can be limited, not demanded
//
// Read For first, then writing.
package iampolicy
