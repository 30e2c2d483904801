package spec

import "github.com/peerd/peerd/pkg/netstate"

// What one side of a peering can state.

var sideShape = object("a map that names a VPC, such as {vpc: hub}",
	field{"vpc", name, true, "The name of its VPC."},
	field{"dns", text("true, false or unmanaged", "", parseDNS).only("true", "false", "unmanaged"), false,
		"Whether the peer may resolve this VPC's DNS names to private addresses; absent: not managed."},
	field{"routes", routesShape, false, "Which tables route what to the peer."},
	field{"rules", listOf("a list of rules", ruleShape), false, "What this VPC's security groups let pass from or to the peer."},
)

// plainSideShape is a side where the VPC is known from elsewhere.
var plainSideShape = sideShape.without("vpc").named("a map of dns, routes and rules")

var routesShape = object("a map such as {tables: all}",
	field{"tables", tablesShape, false, "The tables that get the routes; all when absent."},
	field{"exclude", tablesShape, false, "Tables that do not."},
	field{"to", listOf("a list of destinations", destShape).atLeast(1).atMost(1000).noTwice(), false,
		"Destinations; every associated CIDR of the peer when absent."},
	field{"onConflict", word("report or replace", "report", "replace"), false, "What to do when a destination points elsewhere."},
)

var tablesShape = either("all, main, none, a list of rtb-…, {tags: {…}} or {subnets: {tags: {…}}}",
	word("all, main or none; ids stand in a list, such as [rtb-…]", "all", "main", "none"),
	listOf("a list of rtb-…, or none", text("the id of a route table, rtb-…", `^rtb`+idSuffix, parseID[netstate.TableID]("rtb", "route table"))).atLeast(1),
	exactlyOne("{tags: {…}} or {subnets: {tags: {…}}}",
		field{"tags", matchTags, false, "Tables that carry these tags."},
		field{"subnets", object("{tags: {…}}", field{"tags", matchTags, true, "Subnets that carry these tags."}), false, "The tables in effect for these subnets."}))

var destShape = either("a CIDR, {cidr: …, wider: true} or {prefixList: pl-…}", network, nil,
	exactlyOne("{cidr: …, wider: true} or {prefixList: pl-…}",
		field{"cidr", cidr, false, "A CIDR."},
		field{"prefixList", prefixList, false, "A managed prefix list of this VPC's region."},
	).with(field{"wider", boolean, false, "true: the CIDR need not lie inside the peer."}).when(condition{field: "wider", needs: []string{"cidr"}}))

var groupShape = either("a security group: its name, its id or {tags: {…}}",
	text("a security group's name or id", textPattern, parseGroup).atLeast(1).atMost(255).except(wrongGroupPattern), nil,
	object("{tags: {…}}", field{"tags", matchTags, true, "Tags that exactly one security group of the VPC carries."}))

var ruleShape = object("a map such as {group: app, protocol: tcp, ports: 443}",
	field{"group", groupShape, true, "A security group of this VPC."},
	field{"account", name, false, "The name of the account whose group it is; the VPC's when absent."},
	field{"direction", word("ingress or egress", "ingress", "egress"), false, "ingress when absent."},
	field{"protocol", text("tcp, udp, icmp, icmpv6, all or a number", protocolPattern, parseProto).within(-1, 255).such(protocolWords...), true, "The protocol."},
	field{"ports", either("a port, a range such as 8000-8100, or a list of them", portsShape, listOf("a list of ports", portsShape).atLeast(1).atMost(1000).noTwice(), nil), false,
		"Ports, of tcp and udp only."},
	field{"icmp", icmpShape, false, "Type and code, of icmp and icmpv6 only; every one when absent."},
	field{"peer", peerShape, false, "The other end; the peer's CIDRs as they are routed when absent."},
	field{"description", text("a text", textPattern, parseDescription).atMost(255), false, "Kept on the rule, at most 255 characters."},
).when(
	condition{field: "protocol", is: withPorts, needs: []string{"ports"}},
	condition{field: "protocol", isNot: withPorts, bars: []string{"ports"}},
	condition{field: "protocol", isNot: withTypes, bars: []string{"icmp"}},
)

// The protocols that have ports, and those that have ICMP types, in every spelling.
var (
	withPorts = []any{"tcp", "udp", 6, 17, "6", "17"}
	withTypes = []any{"icmp", "icmpv6", 1, 58, "1", "58"}
)

var portsShape = text("a port such as 443, or a range such as 8000-8100", portsPattern, parsePorts).within(0, 65535)

var icmpShape = object("a map such as {type: 8, code: -1}",
	field{"type", icmpNumber, false, "-1, or absent: every type."},
	field{"code", icmpNumber, false, "-1, or absent: every code."},
).when(condition{field: "code", isNot: []any{-1, "-1"}, needs: []string{"type"}})

var icmpNumber = text("a number from -1 to 255", icmpPattern, parseICMP).within(-1, 255)

var peerShape = either("cidrs, a list of CIDRs, {prefixList: pl-…} or {group: …}",
	word("the word cidrs; others stand in a list, such as [10.0.0.0/16]", "cidrs"),
	listOf("a list of CIDRs", destShape).atLeast(1).atMost(1000).noTwice(),
	exactlyOne("{prefixList: pl-…} or {group: …}",
		field{"prefixList", prefixList, false, "A managed prefix list of this VPC's region."},
		field{"group", groupShape, false, "A security group on the other side, in the same region only."}))
