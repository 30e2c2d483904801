package world

import "fmt"

// Switches decide what AWS's documents leave open, and let the simulator be as loose as other emulators are. The zero value
// is AWS's most likely behaviour; each field names its choices, the default first.
type Switches struct {
	// IdenticalCreateRoute: "succeed" or "fail" (RouteAlreadyExists) when destination and target are those of the existing route.
	IdenticalCreateRoute string `yaml:"identicalCreateRoute"`
	// SameVPC: "error" (InvalidParameterValue) or "failed" (HTTP 200, then status failed) when a VPC is peered with itself.
	SameVPC string `yaml:"sameVpc"`
	// RepeatedCreateTags: "ignore" or "apply" the tags of a create that answers with an existing connection.
	RepeatedCreateTags string `yaml:"repeatedCreateTags"`
	// ReverseWhilePending: "accept" or "refuse" accepting a connection while its reverse is pending too; while the reverse is active it is always refused.
	ReverseWhilePending string `yaml:"reverseWhilePending"`
	// AccepterDeletesPending: "OperationNotPermitted" or another code for an accepter who deletes instead of rejecting.
	AccepterDeletesPending string `yaml:"accepterDeletesPending"`
	// ActiveLimitCode: "VpcPeeringConnectionsPerVpcLimitExceeded" or "ActiveVpcPeeringConnectionPerVpcLimitExceeded".
	ActiveLimitCode string `yaml:"activeLimitCode"`
	// ActiveLimitAt: "both", "create" or "accept" checks the limit of active peerings per VPC.
	ActiveLimitAt string `yaml:"activeLimitAt"`
	// PendingLimitCode: "OutstandingVpcPeeringConnectionLimitExceeded" or "PendingVpcPeeringConnectionLimitExceeded".
	PendingLimitCode string `yaml:"pendingLimitCode"`
	// ForeignConnectionRoute: the code for a route to a connection of other VPCs; default "InvalidParameterValue".
	ForeignConnectionRoute string `yaml:"foreignConnectionRoute"`
	// RouteToDead: "InvalidVpcPeeringConnectionID.NotFound", another code, or "succeed" for a new route to a dead but still visible connection.
	RouteToDead string `yaml:"routeToDead"`
	// Authorize: "atomic" or "partial" when one rule of several is a duplicate.
	Authorize string `yaml:"authorize"`
	// ModifyWithoutDescription: "clear" or "keep" the description when ModifySecurityGroupRules names none.
	ModifyWithoutDescription string `yaml:"modifyWithoutDescription"`
	// IDsWithMaxResults: "refuse" (InvalidParameterCombination) or "allow".
	IDsWithMaxResults string `yaml:"idsWithMaxResults"`

	// IgnoreFilters answers every Describe as if no filter was sent, as some emulators do.
	IgnoreFilters bool `yaml:"ignoreFilters"`
	// IgnorePageSize answers everything on one page without a token.
	IgnorePageSize bool `yaml:"ignorePageSize"`
	// JumpToActive skips initiating-request and provisioning.
	JumpToActive bool `yaml:"jumpToActive"`
	// NotFoundSpelling: "ID" or "Id" in the NotFound code of connections.
	NotFoundSpelling string `yaml:"notFoundSpelling"`
	// SharedTags lets both sides of a connection see one set of tags.
	SharedTags bool `yaml:"sharedTags"`
	// AlwaysOptions shows PeeringOptions on both sides in every state.
	AlwaysOptions bool `yaml:"alwaysOptions"`

	// Throttle turns on the token buckets of "Request throttling" (EC2 Developer Guide).
	Throttle bool `yaml:"throttle"`
	// CheckClock refuses a request signed more than fifteen minutes off the simulator's clock.
	CheckClock bool `yaml:"checkClock"`
}

// Check refuses a choice that no switch has; a misspelt switch must not silently mean the default.
func (s Switches) Check() error {
	for _, c := range []struct {
		name, value string
		choices     []string
	}{
		{"identicalCreateRoute", s.IdenticalCreateRoute, []string{"succeed", "fail"}},
		{"sameVpc", s.SameVPC, []string{"error", "failed"}},
		{"repeatedCreateTags", s.RepeatedCreateTags, []string{"ignore", "apply"}},
		{"reverseWhilePending", s.ReverseWhilePending, []string{"accept", "refuse"}},
		{"activeLimitCode", s.ActiveLimitCode, []string{"VpcPeeringConnectionsPerVpcLimitExceeded", "ActiveVpcPeeringConnectionPerVpcLimitExceeded"}},
		{"activeLimitAt", s.ActiveLimitAt, []string{"both", "create", "accept"}},
		{"pendingLimitCode", s.PendingLimitCode, []string{"OutstandingVpcPeeringConnectionLimitExceeded", "PendingVpcPeeringConnectionLimitExceeded"}},
		{"authorize", s.Authorize, []string{"atomic", "partial"}},
		{"modifyWithoutDescription", s.ModifyWithoutDescription, []string{"clear", "keep"}},
		{"idsWithMaxResults", s.IDsWithMaxResults, []string{"refuse", "allow"}},
		{"notFoundSpelling", s.NotFoundSpelling, []string{"ID", "Id"}},
	} {
		if !oneOf(c.value, c.choices) {
			return fmt.Errorf("switch %s: %q is none of %q", c.name, c.value, c.choices)
		}
	}
	return nil
}

// oneOf accepts the empty value: it means the default.
func oneOf(value string, choices []string) bool {
	for _, c := range choices {
		if value == "" || value == c {
			return true
		}
	}
	return false
}

// or is a switch's value, or its default.
func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
