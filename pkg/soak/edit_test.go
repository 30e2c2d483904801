package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// hand is a stranger's way to AWS: a call, with its parameters as pairs of name and value, which may be refused.
type hand interface {
	Try(account, region, action string, params ...string) bool
}

// meddle lets a stranger change one thing by hand: a thing of ours, or one of his own.
func meddle(r hand, e *estate, s state) {
	switch e.IntN(9) {
	case 0:
		if k, _, ok := anyOf(e, s.routes, func(_, t string) bool { return strings.HasPrefix(t, "pcx-") }); ok {
			route(r, "DeleteRoute", k)
		}
	case 1:
		if k, _, ok := anyOf(e, s.routes, func(_, t string) bool { return strings.HasPrefix(t, "pcx-") }); ok {
			route(r, "ReplaceRoute", k, "TransitGatewayId", transit)
		}
	case 2:
		v := e.vpcs[e.IntN(len(e.vpcs))]
		k := fmt.Sprintf("%s %s 10.%d.0.0/16", v.scope(), v.tables[0], e.IntN(6))
		route(r, "CreateRoute", k, "TransitGatewayId", transit)
	case 3:
		if c, ok := anyConn(e, s); ok {
			account, region, _ := strings.Cut(c.requester, "/")
			region, _, _ = strings.Cut(region, "/")
			r.Try(account, region, "DeleteVpcPeeringConnection", "VpcPeeringConnectionId", c.id)
		}
	case 4:
		if c, ok := anyConn(e, s); ok {
			untag(r, c.accepter, c.id)
		}
	case 5:
		if c, ok := anyConn(e, s); ok && e.IntN(3) == 0 { // out of all views: it is not ours any more
			untag(r, c.accepter, c.id)
			untag(r, c.requester, c.id)
		}
	case 6:
		v := e.vpcs[e.IntN(len(e.vpcs))]
		r.Try(v.account, v.region, "AuthorizeSecurityGroupIngress", "GroupId", v.group, "IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "443",
			"IpPermissions.1.ToPort", "443", "IpPermissions.1.IpRanges.1.CidrIp", fmt.Sprintf("10.%d.0.0/16", e.IntN(6)))
	case 7:
		if k, x, ok := anyOf(e, s.rules, func(_ string, x rule) bool { return x.tags["peerd:owner"] == owner }); ok {
			f := strings.Fields(k)
			account, region, _ := strings.Cut(f[0], "/")
			r.Try(account, region, "RevokeSecurityGroupIngress", "GroupId", f[1], "SecurityGroupRuleId.1", x.id)
		}
	case 8:
		p := e.anyPair()
		a, b := e.vpcs[p[0]], e.vpcs[p[1]]
		r.Try(a.account, a.region, "CreateVpcPeeringConnection", "VpcId", a.id, "PeerVpcId", b.id, "PeerOwnerId", b.account, "PeerRegion", b.region)
	}
}

func untag(r hand, end, id string) {
	f := strings.Split(end, "/")
	r.Try(f[0], f[1], "DeleteTags", "ResourceId.1", id, "Tag.1.Key", "peerd:owner")
}

func route(r hand, action, key string, more ...string) {
	f := strings.Fields(key)
	account, region, _ := strings.Cut(f[0], "/")
	r.Try(account, region, action, append([]string{"RouteTableId", f[1], "DestinationCidrBlock", f[2]}, more...)...)
}

func anyConn(e *estate, s state) (*conn, bool) {
	_, c, ok := anyOf(e, s.conns, func(_ string, c *conn) bool { return c.alive() && c.ours() })
	return c, ok
}

// anyOf picks one of those that are meant, the same for the same world and seed.
func anyOf[V any](e *estate, m map[string]V, meant func(string, V) bool) (k string, v V, ok bool) {
	var keys []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if meant(k, m[k]) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return "", v, false
	}
	k = keys[e.IntN(len(keys))]
	return k, m[k], true
}
