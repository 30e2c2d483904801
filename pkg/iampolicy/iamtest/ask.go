package iamtest

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// call is one EC2 call, looked at before it takes effect.
type call struct {
	action  string
	form    wire.Form
	at      world.At
	world   *world.World
	out     []Question
	unknown bool // it names what is not there: EC2 says so
}

// questions are what IAM is asked about a call, none if it names something that is not there.
func questions(account, region string, now time.Time, w *world.World, params url.Values) []Question {
	c := &call{action: params.Get("Action"), form: wire.NewForm(params), world: w, at: world.At{Scope: world.Scope{Account: account, Region: region}, Now: now}}
	c.ask()
	if c.unknown {
		return nil
	}
	for i := range c.out {
		c.out[i].Keys["aws:RequestedRegion"] = []string{region}
	}
	return c.out
}

func (c *call) ask() {
	switch c.action {
	case "CreateVpcPeeringConnection":
		c.open()
	case "AcceptVpcPeeringConnection":
		id := c.form.Str("VpcPeeringConnectionId")
		if conn, ok := c.world.Connection(id); ok {
			c.vpc(c.action, conn.Ends[world.Accepter].VPC)
		}
		c.connection(c.action, id, nil)
	case "RejectVpcPeeringConnection", "DeleteVpcPeeringConnection", "ModifyVpcPeeringConnectionOptions":
		c.connection(c.action, c.form.Str("VpcPeeringConnectionId"), nil)
	case "CreateRoute", "ReplaceRoute", "DeleteRoute":
		c.table(c.form.Str("RouteTableId"), nil)
	case "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress":
		c.group(c.form.Str("GroupId"), nil)
		c.making("security-group-rule", map[string][]string{})
	case "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress", "UpdateSecurityGroupRuleDescriptionsIngress", "UpdateSecurityGroupRuleDescriptionsEgress":
		c.group(c.form.Str("GroupId"), nil)
	case "ModifySecurityGroupRules":
		c.modify()
	case "CreateTags", "DeleteTags":
		c.tag()
	case "DescribeVpcAttribute":
		c.vpc(c.action, c.form.Str("VpcId"))
	case "GetManagedPrefixListEntries":
		c.list(c.form.Str("PrefixListId"))
	default:
		c.add(c.action, "*", "", nil)
	}
}

// add asks about one resource; of its keys only those count that EC2 supports there.
func (c *call) add(action, kind, id string, keys map[string][]string) {
	q := Question{Action: "ec2:" + action, Resource: "*", Keys: map[string][]string{}}
	if kind != "*" {
		q.Resource = c.arn(c.at.Account, kind+"/"+id)
	}
	for k, v := range keys {
		if slices.ContainsFunc(supported[action][kind], func(s string) bool { return k == s || strings.HasSuffix(s, "/") && strings.HasPrefix(k, s) }) {
			q.Keys[k] = v
		}
	}
	c.out = append(c.out, q)
}

func (c *call) arn(account, resource string) string { return arnIn(c.at.Region, account, resource) }

func arnIn(region, account, resource string) string {
	return fmt.Sprintf("arn:%s:ec2:%s:%s:%s", world.Partition(region), region, account, resource)
}

func vpcOf(e world.End) []string { return []string{arnIn(e.Region, e.Account, "vpc/"+e.VPC)} }

// open: the connection does not exist yet.
func (c *call) open() {
	c.vpc(c.action, c.form.Str("VpcId"))
	account, region := c.form.Str("PeerOwnerId"), c.form.Str("PeerRegion")
	if account == "" {
		account = c.at.Account
	}
	if region == "" {
		region = c.at.Region
	}
	c.making("vpc-peering-connection", map[string][]string{
		"ec2:RequesterVpc": {c.arn(c.at.Account, "vpc/"+c.form.Str("VpcId"))},
		"ec2:AccepterVpc":  {arnIn(region, account, "vpc/"+c.form.Str("PeerVpcId"))},
	})
}

// making asks about what the call makes, and about its tags if it has any: a missing right to tag fails the whole call, and without tags
// it is not asked for (EC2 User Guide, "Grant permission to tag resources during creation"). A rule is asked about only if it is tagged.
func (c *call) making(kind string, keys map[string][]string) {
	var tags []wire.Form
	for _, s := range c.form.Subs("TagSpecification") {
		tags = append(tags, s.Subs("Tag")...)
	}
	maps.Copy(keys, requested(tags))
	if kind != "security-group-rule" || len(tags) > 0 {
		c.add(c.action, kind, "*", keys)
	}
	if len(tags) > 0 {
		keys["ec2:CreateAction"] = []string{c.action}
		c.add("CreateTags", kind, "*", keys)
	}
}

func requested(tags []wire.Form) map[string][]string {
	out := map[string][]string{}
	for _, t := range tags {
		k := t.Str("Key")
		out["aws:RequestTag/"+k] = []string{t.Str("Value")}
		out["aws:TagKeys"] = append(out["aws:TagKeys"], k)
	}
	return out
}

func tagged(tags world.Tags, more map[string][]string) map[string][]string {
	out := maps.Clone(more)
	if out == nil {
		out = map[string][]string{}
	}
	for k, v := range tags {
		out["aws:ResourceTag/"+k], out["ec2:ResourceTag/"+k] = []string{v}, []string{v}
	}
	return out
}

func (c *call) vpc(action, id string) {
	found, err := c.world.Vpcs(c.at, world.Query{IDs: []string{id}})
	if err != nil {
		c.unknown = true
		return
	}
	c.add(action, "vpc", id, tagged(found[0].Tags, nil))
}

func (c *call) connection(action, id string, more map[string][]string) {
	conn, ok := c.world.Connection(id)
	sides := conn.Sides(c.at.Scope)
	if !ok || len(sides) == 0 {
		c.unknown = true
		return
	}
	side := sides[0]
	if conn.Same() || c.world.Switches.SharedTags {
		side = world.Requester
	}
	keys := tagged(conn.Tags[side], more)
	keys["ec2:RequesterVpc"], keys["ec2:AccepterVpc"] = vpcOf(conn.Ends[world.Requester]), vpcOf(conn.Ends[world.Accepter])
	c.add(action, "vpc-peering-connection", id, keys)
}

func (c *call) table(id string, more map[string][]string) {
	found, err := c.world.RouteTables(c.at, world.Query{IDs: []string{id}})
	if err != nil {
		c.unknown = true
		return
	}
	keys := tagged(found[0].Tags, more)
	keys["ec2:Vpc"] = []string{c.arn(c.at.Account, "vpc/"+found[0].VPC)}
	c.add(c.action, "route-table", id, keys)
}

func (c *call) group(id string, more map[string][]string) {
	found, err := c.world.Groups(c.at, world.Query{IDs: []string{id}}, nil)
	if err != nil {
		c.unknown = true
		return
	}
	owner := found[0].VPCOwner
	if owner == "" {
		owner = c.at.Account
	}
	keys := tagged(found[0].Tags, more)
	keys["ec2:Vpc"] = []string{c.arn(owner, "vpc/"+found[0].VPC)}
	c.add(c.action, "security-group", id, keys)
}

func (c *call) rule(id string, more map[string][]string) {
	found, err := c.world.Rules(c.at, world.Query{IDs: []string{id}})
	if err != nil {
		c.unknown = true
		return
	}
	c.add(c.action, "security-group-rule", id, tagged(found[0].Tags, more))
}

func (c *call) list(id string) {
	found, err := c.world.PrefixList(c.at, id)
	if err != nil {
		c.unknown = true
		return
	}
	c.add(c.action, "prefix-list", id, tagged(found.Tags, nil))
}

func (c *call) modify() {
	c.group(c.form.Str("GroupId"), nil)
	for _, r := range c.form.Subs("SecurityGroupRule") {
		c.rule(r.Str("SecurityGroupRuleId"), nil)
		if s, ok := r.Sub("SecurityGroupRule"); ok && s.Str("PrefixListId") != "" {
			c.list(s.Str("PrefixListId"))
		}
	}
}

func (c *call) tag() {
	more := requested(c.form.Subs("Tag"))
	for _, id := range c.form.List("ResourceId") {
		switch prefix, _, _ := strings.Cut(id, "-"); prefix {
		case "pcx":
			c.connection(c.action, id, more)
		case "sgr":
			c.rule(id, more)
		case "sg":
			c.group(id, more)
		case "rtb":
			c.table(id, more)
		case "vpc":
			c.vpc(c.action, id)
		default:
			panic("tags of " + id + " are not understood")
		}
	}
}
