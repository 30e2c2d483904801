package world

import (
	"fmt"
	"slices"
)

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
	// RouteLimitCode: "RouteLimitExceeded" or "ResourceCountLimitExceeded".
	RouteLimitCode string `yaml:"routeLimitCode"`
	// ForeignConnectionRoute: the code for a route to a connection of other VPCs; default "InvalidParameterValue".
	ForeignConnectionRoute string `yaml:"foreignConnectionRoute"`
	// RouteToDead: "InvalidVpcPeeringConnectionID.NotFound", another code, or "succeed" for a new route to a dead but still visible connection.
	RouteToDead string `yaml:"routeToDead"`
	// Authorize: "atomic" or "partial" when one rule of several is a duplicate.
	Authorize string `yaml:"authorize"`
	// ModifyWithoutDescription: "clear" or "keep" the description when ModifySecurityGroupRules names none.
	ModifyWithoutDescription string `yaml:"modifyWithoutDescription"`
	// CrossAccountOptions: "hide" or "show" the PeeringOptions of another account's side of an active connection.
	CrossAccountOptions string `yaml:"crossAccountOptions"`
	// EnforcedPeering: "allow" a peering of a VPC that enforces encryption with one that does not, or let the request be "failed".
	EnforcedPeering string `yaml:"enforcedPeering"`
	// StatusMessages: "guess" or "omit" the messages of rejected, expired, deleting and deleted, whose texts are not documented.
	StatusMessages string `yaml:"statusMessages"`
	// Pages: "full", or "short": with fewer items than asked for, the first even empty, as paginated calls may be answered.
	Pages string `yaml:"pages"`
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
	// Sparse leaves out what can be told otherwise: the owner and region of a side that are the caller's, the association of a VPC's one CIDR,
	// the origin of routes to connections.
	Sparse bool `yaml:"sparse"`

	// Throttle turns on the token buckets of "Request throttling" (EC2 Developer Guide).
	Throttle bool `yaml:"throttle"`
	// CheckClock refuses a request signed more than fifteen minutes off the simulator's clock.
	CheckClock bool `yaml:"checkClock"`
}

// choice is one switch: where it is, and what it can be, the default first.
type choice struct {
	name   string
	of     func(*Switches) *string // nil: yes or no
	yes    func(*Switches) *bool
	values []string
	codes  bool // any error code is accepted, those listed are the likely ones
}

var choices = []choice{
	{name: "identicalCreateRoute", of: func(s *Switches) *string { return &s.IdenticalCreateRoute }, values: []string{"succeed", "fail"}},
	{name: "sameVpc", of: func(s *Switches) *string { return &s.SameVPC }, values: []string{"error", "failed"}},
	{name: "repeatedCreateTags", of: func(s *Switches) *string { return &s.RepeatedCreateTags }, values: []string{"ignore", "apply"}},
	{name: "reverseWhilePending", of: func(s *Switches) *string { return &s.ReverseWhilePending }, values: []string{"accept", "refuse"}},
	{name: "accepterDeletesPending", of: func(s *Switches) *string { return &s.AccepterDeletesPending }, codes: true,
		values: []string{"OperationNotPermitted", "InvalidStateTransition"}},
	{name: "activeLimitCode", of: func(s *Switches) *string { return &s.ActiveLimitCode },
		values: []string{"VpcPeeringConnectionsPerVpcLimitExceeded", "ActiveVpcPeeringConnectionPerVpcLimitExceeded"}},
	{name: "activeLimitAt", of: func(s *Switches) *string { return &s.ActiveLimitAt }, values: []string{"both", "create", "accept"}},
	{name: "pendingLimitCode", of: func(s *Switches) *string { return &s.PendingLimitCode },
		values: []string{"OutstandingVpcPeeringConnectionLimitExceeded", "PendingVpcPeeringConnectionLimitExceeded"}},
	{name: "routeLimitCode", of: func(s *Switches) *string { return &s.RouteLimitCode }, values: []string{"RouteLimitExceeded", "ResourceCountLimitExceeded"}},
	{name: "foreignConnectionRoute", of: func(s *Switches) *string { return &s.ForeignConnectionRoute }, codes: true,
		values: []string{"InvalidParameterValue", "InvalidVpcPeeringConnectionID.NotFound"}},
	{name: "routeToDead", of: func(s *Switches) *string { return &s.RouteToDead }, codes: true,
		values: []string{"InvalidVpcPeeringConnectionID.NotFound", "InvalidStateTransition", "succeed"}},
	{name: "authorize", of: func(s *Switches) *string { return &s.Authorize }, values: []string{"atomic", "partial"}},
	{name: "modifyWithoutDescription", of: func(s *Switches) *string { return &s.ModifyWithoutDescription }, values: []string{"clear", "keep"}},
	{name: "crossAccountOptions", of: func(s *Switches) *string { return &s.CrossAccountOptions }, values: []string{"hide", "show"}},
	{name: "enforcedPeering", of: func(s *Switches) *string { return &s.EnforcedPeering }, values: []string{"allow", "failed"}},
	{name: "statusMessages", of: func(s *Switches) *string { return &s.StatusMessages }, values: []string{"guess", "omit"}},
	{name: "pages", of: func(s *Switches) *string { return &s.Pages }, values: []string{"full", "short"}},
	{name: "idsWithMaxResults", of: func(s *Switches) *string { return &s.IDsWithMaxResults }, values: []string{"refuse", "allow"}},
	{name: "notFoundSpelling", of: func(s *Switches) *string { return &s.NotFoundSpelling }, values: []string{"ID", "Id"}},
	{name: "ignoreFilters", yes: func(s *Switches) *bool { return &s.IgnoreFilters }},
	{name: "ignorePageSize", yes: func(s *Switches) *bool { return &s.IgnorePageSize }},
	{name: "jumpToActive", yes: func(s *Switches) *bool { return &s.JumpToActive }},
	{name: "sharedTags", yes: func(s *Switches) *bool { return &s.SharedTags }},
	{name: "alwaysOptions", yes: func(s *Switches) *bool { return &s.AlwaysOptions }},
	{name: "sparse", yes: func(s *Switches) *bool { return &s.Sparse }},
	{name: "throttle", yes: func(s *Switches) *bool { return &s.Throttle }},
	{name: "checkClock", yes: func(s *Switches) *bool { return &s.CheckClock }},
}

// Check refuses a choice that no switch has; a misspelt switch must not silently mean the default.
func (s Switches) Check() error {
	for _, c := range choices {
		if c.of == nil || c.codes {
			continue
		}
		if v := *c.of(&s); v != "" && !slices.Contains(c.values, v) {
			return fmt.Errorf("switch %s: %q is none of %q", c.name, v, c.values)
		}
	}
	return nil
}

// Variations are the switches with one of them thrown, for every switch and every choice that is not its default: what a test runs
// through to hold whichever way AWS behaves.
func Variations() map[string]Switches {
	out := map[string]Switches{}
	for _, c := range choices {
		if c.yes != nil {
			var s Switches
			*c.yes(&s) = true
			out[c.name] = s
			continue
		}
		for _, v := range c.values[1:] {
			var s Switches
			*c.of(&s) = v
			out[c.name+"="+v] = s
		}
	}
	return out
}

// or is a switch's value, or its default.
func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
