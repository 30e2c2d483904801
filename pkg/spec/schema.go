package spec

import "github.com/peerd/peerd/pkg/netstate"

// apiVersion is what every document begins with.
const apiVersion = "peerd/v1"

// The fields of a spec, each described once: the walk checks documents against documentShape, and Schema makes a JSON Schema of it.

var (
	boolean    = &shape{form: isBool, what: "true or false"}
	count      = text("a whole number of at least 1", countPattern, parseCount).within(1, maxCount)
	name       = text("a name such as payments-prod", namePattern, parseName).atMost(63)
	region     = text("a region such as eu-west-1", regionPattern, parseRegion)
	cidr       = text("a CIDR such as 10.20.0.0/16", cidrPattern, parseCIDR)
	network    = cidr.except(cidrOfAll) // every address must be said in so many words
	prefixList = text("the id of a prefix list, pl-…", `^pl`+idSuffix, parseID[netstate.PrefixListID]("pl", "prefix list"))
	tagKey     = text("a tag's key", printPattern, parseTagKey).atLeast(1).atMost(127)
	ownTagKey  = text("a tag's key", printPattern, parseOwnTagKey).atLeast(1).atMost(127).except(keptPattern)
	tagValue   = text("a tag's value", printPattern, parseTagValue).atMost(256)
)

var (
	// matchTags are tags that something must carry; ownTags are those peerd sets.
	matchTags = mapOf("tags such as {tier: private}", tagKey, tagValue).atLeast(1).atMost(maxTags)
	ownTags   = mapOf("tags such as {team: net}", ownTagKey, tagValue).atMost(maxTags)
)

var documentShape = object("a map that begins with apiVersion: "+apiVersion,
	field{"apiVersion", text(apiVersion, "", parseVersion).only(apiVersion), true, "The version of this format."},
	field{"owner", text("a name such as acme-network", ownerPattern, parseOwner).atMost(128).except("^none$"), false,
		"What everything peerd makes is tagged with; stated here or as --owner."},
	field{"accounts", mapOf("a map of names to accounts", name, accountShape), false, "AWS accounts by name."},
	field{"vpcs", mapOf("a map of names to VPCs", name, vpcShape), false, "VPCs by name."},
	field{"peerings", listOf("a list of peerings", peeringShape), false, "Peerings written out."},
	field{"meshes", listOf("a list of meshes", meshShape), false, "Groups of VPCs that are all peered with each other."},
	field{"hubs", listOf("a list of hubs", hubShape), false, "VPCs that are peered with each of their spokes."},
	field{"defaults", defaultsShape, false, "What a managed side is when it does not say."},
	field{"protected", listOf("a list of CIDRs", cidr).atMost(1000), false, "Never routed or opened, besides what EC2 reserves."},
)

var accountShape = object("a map such as {id: \"111111111111\", role: peerd}",
	field{"id", text("the account id, 12 digits", accountPattern, parseAccount).within(0, 999_999_999_999), true, "The account's 12 digits, quoted or not."},
	field{"managed", boolean, false, "false: peerd has no credentials, the account's side is theirs to do."},
	field{"role", roleShape, false, "The role to assume, a name or a full ARN; absent: the ambient credentials."},
	field{"readRole", roleShape, false, "The role for plan, --dry-run, trace and import."},
	field{"externalId", text("an external id", externPattern, parseExternal).atLeast(2).atMost(1224), false, "Sent when the role is assumed."},
	field{"profile", text("the name of a profile", wordPattern, parseMatch(wordPattern, "is not the name of a profile")), false,
		"The profile whose credentials assume the role."},
	field{"sessionDuration", text("a duration such as 15m", sessionPattern, parseSession), false,
		"How long an assumed role's session lasts; 15m when absent."},
	field{"stsRegion", region, false, "Where the role is assumed."},
	field{"regions", listOf("a list of regions", region), false, "Looked at for leftovers, besides those of the account's VPCs."},
	field{"quotas", quotasShape, false, "The account's limits, where they are known."},
).when(
	condition{field: "managed", is: []any{false}, bars: []string{"role", "readRole", "externalId", "profile", "sessionDuration", "stsRegion", "regions"}},
	condition{field: "externalId", needs: []string{"role", "readRole"}},
	condition{field: "sessionDuration", needs: []string{"role", "readRole"}},
)

var roleShape = text("a role's name or ARN", rolePattern,
	parseMatch(rolePattern, "is neither a role's name, such as peerd, nor its ARN, such as arn:aws:iam::222222222222:role/peerd"))

var quotasShape = object("a map such as {peeringsPerVpc: 125}",
	field{"peeringsPerVpc", count, false, "Active peerings of one VPC."},
	field{"outstandingRequests", count, false, "Requests of the account that wait for acceptance."},
	field{"routesPerTable", count, false, "Routes of one table and family that are not propagated."},
	field{"rulesPerGroup", count, false, "Rules of one security group, direction and family."},
)

var vpcShape = object("a map such as {account: network, region: eu-west-1, id: vpc-…}",
	field{"account", name, true, "The name of the account that owns it."},
	field{"region", region, true, "The region in which it is."},
	field{"id", text("the id of a VPC, vpc-…", `^vpc`+idSuffix, parseID[netstate.VPCID]("vpc", "VPC")), false, "Its id; this or tags."},
	field{"tags", matchTags, false, "Tags that exactly one VPC of the account and region carries."},
	field{"cidrs", listOf("a list of CIDRs", network).atLeast(1).atMost(100).noTwice(), false, "Pins what it may bring; needed when its account is not managed."},
).choose("id", "tags")

var peeringShape = object("a map with name, requester and accepter",
	field{"name", text("a name such as hub-payments", linkPattern, parseLink).atMost(200), true, "A label, unique; what a peering is, is its pair of VPCs."},
	field{"requester", sideShape, true, "The side that asks for the connection."},
	field{"accepter", sideShape, true, "The side that accepts it."},
	tagsField, adoptField, suspendField,
)

var (
	tagsField    = field{"tags", ownTags, false, "Extra tags on the connection and its rules."}
	adoptField   = field{"adopt", boolean, false, "Take over an unowned live connection of the pair."}
	suspendField = field{"suspend", suspendShape, false, "Measure drift, change nothing."}
)

var suspendShape = object("a map such as {reason: INC-42}",
	field{"reason", text("a reason such as INC-42", reasonPattern, parseReason).atMost(200), true, "Why; shown wherever the peering is."},
	field{"until", text("a time such as 2026-12-01T00:00:00Z", timePattern, parseTime), false, "When it ends; absent: when the entry goes. A plan warns of one that is over."},
)

var meshShape = object("a map with name and vpcs",
	field{"name", name, true, "Its peerings are labelled NAME/A--B."},
	field{"vpcs", listOf("a list of at least two VPCs", name).atLeast(2).noTwice(), true, "The members, every pair of which is peered."},
	field{"exclude", listOf("a list of pairs, such as [[data, payments]]", listOf("a pair of VPCs, such as [data, payments]", name).atLeast(2).atMost(2)), false,
		"Pairs of members that are not peered."},
	field{"side", plainSideShape, false, "What each managed member's side is."},
	adoptField, tagsField, suspendField,
)

var hubShape = object("a map with name, hub and spokes",
	field{"name", name, true, "Its peerings are labelled NAME/SPOKE."},
	field{"hub", name, true, "The VPC that requests them."},
	field{"spokes", listOf("a list of at least one VPC", name).atLeast(1).noTwice(), true, "The VPCs that are peered with the hub."},
	field{"hubSide", plainSideShape, false, "What the hub's side of each is."},
	field{"spokeSide", plainSideShape, false, "What each managed spoke's side is."},
	adoptField, tagsField, suspendField,
)

var defaultsShape = object("a map of side and tags",
	field{"side", plainSideShape, false, "What a managed side is when it does not say."},
	field{"tags", ownTags, false, "Tags of every connection and its rules."},
)
