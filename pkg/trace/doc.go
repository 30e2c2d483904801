// Package trace walks a packet over what was observed: does FROM reach TO, and if not, which hop says no. It must not know how AWS is
// read, nor what peerd would change. Read walk.go first.
//
// Terms and rules. A place is an address in a subnet of a VPC. A packet from a place to another passes these hops, in this order:
//
//	subnet            each address lies in a subnet; where a VPC has none yet, in one as a new one would be
//	route             the subnet's table (its own, or the VPC's main one): longest prefix first, then static before prefix list before propagated
//	connection        the one that the route leads to is active and joins the two VPCs: peering is not transitive
//	route back        likewise from the other side, since a reply needs a route of its own
//	security groups   egress and ingress; stateful, so replies need nothing. Only where it is said which groups the ends have
//	network ACLs      four times: out, in, and for the reply out and in; stateless, so the reply needs the client's ports, 1024-65535
//
// A hop says yes, no, or that it cannot be known: unknown is not empty. If any says no the answer is no; else, if any is unknown, so is
// the answer. Groups and ACLs are judged only if the question names protocol and port.
//
// An end that is more than one address (a VPC, a subnet, a CIDR) is cut into parts that all routes, rules and entries treat alike, and one
// address of each is walked: reachable means that every part is.
package trace
