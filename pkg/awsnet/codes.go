package awsnet

import "github.com/peerd/peerd/pkg/netstate"

// errorKinds says what can be done about each error code, EC2's and STS's. A key "Operation/Code" beats the plain code; a code that is
// not here is Invalid, which shouts. Sources: Amazon EC2 Developer Guide, "Error codes for the Amazon EC2 API" and "Request throttling";
// AWS Security Token Service API Reference, "Common errors".
//
// Gone is written here for "that id is not there" and holds only for calls that take something away; for every other call it becomes
// Stale, because an id that has just been made is unknown for a while (EC2 Developer Guide, "Eventual consistency").
//
// ReplaceRoute of a route that is not there is InvalidParameterValue, which no code tells from a destination or target that EC2 refuses
// for good. It stays Invalid: the route was read just before the call, so that "not there" is found by that read, as Stale.
var errorKinds = map[string]netstate.Kind{
	// Slower, please: refused before anything was done.
	"RequestLimitExceeded":      netstate.Throttled,
	"Throttling":                netstate.Throttled,
	"ThrottlingException":       netstate.Throttled,
	"ThrottledException":        netstate.Throttled,
	"EC2ThrottledException":     netstate.Throttled,
	"RequestThrottled":          netstate.Throttled,
	"RequestThrottledException": netstate.Throttled,
	"TooManyRequestsException":  netstate.Throttled,
	"SlowDown":                  netstate.Throttled,
	"BandwidthLimitExceeded":    netstate.Throttled,
	"PriorRequestNotComplete":   netstate.Throttled,

	// Passing. Those of the server's own making become Ambiguous for a write: its effect is not known.
	"InternalError":             netstate.Retry,
	"InternalFailure":           netstate.Retry,
	"InternalServiceError":      netstate.Retry,
	"Unavailable":               netstate.Retry,
	"ServiceUnavailable":        netstate.Retry,
	"InsufficientCapacity":      netstate.Retry,
	"RequestTimeout":            netstate.Retry,
	"RequestTimeoutException":   netstate.Retry,
	"IncorrectState":            netstate.Retry,
	"DependencyViolation":       netstate.Retry,
	"ConcurrentTagAccess":       netstate.Retry,
	"ConcurrentModification":    netstate.Retry,
	"OperationInProgress":       netstate.Retry,
	"InvalidParameterException": netstate.Retry, // seen on route calls right after other changes of the table
	"IDPCommunicationError":     netstate.Retry,

	// The ground moved: look again.
	"InvalidStateTransition": netstate.Stale,
	"InvalidState":           netstate.Stale,
	"InvalidVpcState":        netstate.Stale,
	"ModifyVpcPeeringConnectionOptions/OperationNotPermitted": netstate.Stale, // "not active"

	// There already.
	"RouteAlreadyExists":                netstate.Exists,
	"InvalidPermission.Duplicate":       netstate.Exists,
	"VpcPeeringConnectionAlreadyExists": netstate.Exists,

	// Quotas.
	"ActiveVpcPeeringConnectionPerVpcLimitExceeded": netstate.Limit,
	"VpcPeeringConnectionsPerVpcLimitExceeded":      netstate.Limit,
	"OutstandingVpcPeeringConnectionLimitExceeded":  netstate.Limit,
	"PendingVpcPeeringConnectionLimitExceeded":      netstate.Limit,
	"RouteLimitExceeded":                            netstate.Limit,
	"RouteTableLimitExceeded":                       netstate.Limit,
	"ResourceCountLimitExceeded":                    netstate.Limit,
	"ResourceLimitExceeded":                         netstate.Limit,
	"LimitExceededException":                        netstate.Limit,
	"RulesPerSecurityGroupLimitExceeded":            netstate.Limit,
	"SecurityGroupsPerInterfaceLimitExceeded":       netstate.Limit,
	"SecurityGroupLimitExceeded":                    netstate.Limit,
	"TagLimitExceeded":                              netstate.Limit,
	"VpcLimitExceeded":                              netstate.Limit,
	"SubnetLimitExceeded":                           netstate.Limit,
	"CidrLimitExceeded":                             netstate.Limit,
	"NetworkAclLimitExceeded":                       netstate.Limit,
	"NetworkAclEntryLimitExceeded":                  netstate.Limit,

	// No right, or no credentials.
	"UnauthorizedOperation":       netstate.Denied,
	"AccessDenied":                netstate.Denied,
	"AccessDeniedException":       netstate.Denied,
	"AuthFailure":                 netstate.Denied,
	"OperationNotPermitted":       netstate.Denied,
	"InvalidClientTokenId":        netstate.Denied,
	"UnrecognizedClientException": netstate.Denied,
	"SignatureDoesNotMatch":       netstate.Denied,
	"InvalidSignatureException":   netstate.Denied,
	"IncompleteSignature":         netstate.Denied,
	"MissingAuthenticationToken":  netstate.Denied,
	"RequestTimeTooSkewed":        netstate.Denied,
	"ExpiredToken":                netstate.Denied,
	"ExpiredTokenException":       netstate.Denied,
	"RequestExpired":              netstate.Denied,
	"RegionDisabledException":     netstate.Denied,
	"OptInRequired":               netstate.Denied,
	"PendingVerification":         netstate.Denied,
	"Blocked":                     netstate.Denied,
	"TagPolicyViolation":          netstate.Denied,

	// Not there. EC2 spells some of these in two ways.
	"InvalidVpcPeeringConnectionID.NotFound": netstate.Gone,
	"InvalidVpcPeeringConnectionId.NotFound": netstate.Gone,
	"InvalidVpcID.NotFound":                  netstate.Gone,
	"InvalidSubnetID.NotFound":               netstate.Gone,
	"InvalidRouteTableID.NotFound":           netstate.Gone,
	"InvalidRouteTableId.NotFound":           netstate.Gone,
	"InvalidRoute.NotFound":                  netstate.Gone,
	"InvalidGroup.NotFound":                  netstate.Gone, // also "two resources that belong to different networks"
	"InvalidSecurityGroupID.NotFound":        netstate.Gone,
	"InvalidSecurityGroupId.NotFound":        netstate.Gone,
	"InvalidSecurityGroupRuleId.NotFound":    netstate.Gone,
	"InvalidPermission.NotFound":             netstate.Gone,
	"InvalidPrefixListID.NotFound":           netstate.Gone,
	"InvalidPrefixListId.NotFound":           netstate.Gone,
	"InvalidGatewayID.NotFound":              netstate.Gone,
	"InvalidNetworkAclID.NotFound":           netstate.Gone,
	"InvalidID":                              netstate.Gone,

	// Refused for what it is.
	"InvalidVpcPeeringConnectionState.DnsHostnamesDisabled": netstate.Invalid,
	"InvalidVpcPeeringConnectionId.Malformed":               netstate.Invalid,
	"InvalidVpcID.Malformed":                                netstate.Invalid,
	"InvalidRouteTableId.Malformed":                         netstate.Invalid,
	"InvalidGroupId.Malformed":                              netstate.Invalid,
	"InvalidSecurityGroupRuleId.Malformed":                  netstate.Invalid,
	"InvalidPermission.Malformed":                           netstate.Invalid,
	"InvalidPrefixListId.Malformed":                         netstate.Invalid,
	"InvalidSubnetID.Malformed":                             netstate.Invalid,
	"InvalidVpcPeeringConnectionID.Malformed":               netstate.Invalid,
	"InvalidGroup.InUse":                                    netstate.Invalid,
	"InvalidTagKey.Malformed":                               netstate.Invalid,
	"InvalidParameter":                                      netstate.Invalid,
	"InvalidParameterValue":                                 netstate.Invalid,
	"InvalidParameterCombination":                           netstate.Invalid,
	"InvalidFilter":                                         netstate.Invalid,
	"FilterLimitExceeded":                                   netstate.Invalid,
	"InvalidMaxResults":                                     netstate.Invalid,
	"InvalidNextToken":                                      netstate.Void, // of a token that EC2 itself has just given
	"InvalidPaginationToken":                                netstate.Void,
	"MissingParameter":                                      netstate.Invalid,
	"UnknownParameter":                                      netstate.Invalid,
	"InvalidAction":                                         netstate.Invalid,
	"UnsupportedOperation":                                  netstate.Invalid,
	"Unsupported":                                           netstate.Invalid,
	"DryRunOperation":                                       netstate.Invalid,
	"ValidationError":                                       netstate.Invalid,
	"MalformedPolicyDocument":                               netstate.Invalid,
	"PackedPolicyTooLarge":                                  netstate.Invalid,
}

// removals are the calls that take something away: for them, what is not there is done.
var removals = map[string]bool{
	"DeleteRoute": true, "DeleteVpcPeeringConnection": true, "RevokeSecurityGroupIngress": true, "RevokeSecurityGroupEgress": true,
}

// expiredCodes mean that the credentials were good once: renewed, the same call may work. EC2 says RequestExpired for an expired
// session, and also for a clock that is off by more than fifteen minutes (EC2 Developer Guide, error codes). STS says InvalidClientTokenId of a
// key that was taken away, most likely after another took its place; EC2 says AuthFailure of it, but of closed accounts and regions too.
var expiredCodes = map[string]bool{"ExpiredToken": true, "ExpiredTokenException": true, "RequestExpired": true, "InvalidClientTokenId": true}

// kindOf returns the kind of a code that an operation answered with.
func kindOf(operation, code string) netstate.Kind {
	k, ok := errorKinds[operation+"/"+code]
	if !ok {
		k, ok = errorKinds[code]
	}
	switch {
	case !ok:
		return netstate.Invalid
	case k == netstate.Gone && !removals[operation]:
		return netstate.Stale
	}
	return k
}

func throttled(code string) bool { return errorKinds[code] == netstate.Throttled }
