package reconciletest

import (
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// allow adds a rule. What makes two rules the same is their key: neither description nor tags.
func (w *world) allow(a plan.AllowRule) (string, *netstate.Error) {
	if err := w.permitted(a, a.Key, a.PeerAccount); err != nil {
		return "", err
	}
	if _, there := w.Rules[a.Key]; there {
		return "", Fail(a, netstate.Exists, "InvalidPermission.Duplicate")
	}
	r := netstate.Rule{ID: netstate.RuleID(w.id("sgr")), Description: a.Description, Tags: a.Tags}
	w.Rules[a.Key] = r
	return string(r.ID), nil
}

// change turns the rule of an id into another, whatever it is by now; its id and tags stay.
func (w *world) change(a plan.ChangeRule) *netstate.Error {
	from, there := w.ruleOf(a, a.ID, a.Key.Group)
	if !there {
		return gone(a, "InvalidSecurityGroupRuleId.NotFound")
	}
	to := a.Key
	to.Dir = from.Dir
	if err := w.permitted(a, to, a.PeerAccount); err != nil {
		return err
	}
	if from.Peer.Kind() != to.Peer.Kind() {
		return Fail(a, netstate.Invalid, "InvalidParameterValue")
	}
	if other, there := w.Rules[to]; there && other.ID != a.ID {
		return Fail(a, netstate.Exists, "InvalidPermission.Duplicate")
	}
	r := w.Rules[from]
	r.Description = a.Description
	delete(w.Rules, from)
	w.Rules[to] = r
	return nil
}

func (w *world) describe(a plan.DescribeRule) *netstate.Error {
	k, there := w.ruleOf(a, a.ID, a.Key.Group)
	if !there || k.Dir != a.Key.Dir {
		return gone(a, "InvalidSecurityGroupRuleId.NotFound")
	}
	r := w.Rules[k]
	r.Description = a.Description
	w.Rules[k] = r
	return nil
}

func (w *world) tagRule(a plan.TagRule) *netstate.Error {
	k, there := w.ruleOf(a, a.ID, "")
	if !there {
		return gone(a, "InvalidSecurityGroupRuleId.NotFound")
	}
	r := w.Rules[k]
	r.Tags = r.Tags.With(a.Tags)
	w.Rules[k] = r
	return nil
}

func (w *world) revoke(a plan.RevokeRule) *netstate.Error {
	k, there := w.ruleOf(a, a.ID, a.Key.Group)
	if !there || k.Dir != a.Key.Dir {
		return gone(a, "InvalidSecurityGroupRuleId.NotFound")
	}
	delete(w.Rules, k)
	return nil
}

// ruleOf finds the rule of an id in a group, or in any where none is named.
func (w *world) ruleOf(a plan.Action, id netstate.RuleID, g netstate.GroupID) (netstate.RuleKey, bool) {
	for k, r := range w.Rules {
		if r.ID == id && k.Scope == a.Scope() && (g == "" || k.Group == g) {
			return k, true
		}
	}
	return netstate.RuleKey{}, false
}

// permitted says why EC2 refuses a rule for what it names: another VPC's group may be named only in the same region and over an active
// connection (VPC Peering Guide, "Update your security groups to reference peer security groups").
func (w *world) permitted(a plan.Action, k netstate.RuleKey, peer netstate.AccountID) *netstate.Error {
	g, there := w.Groups[netstate.GroupKey{Scope: k.Scope, ID: k.Group}]
	if !there || k.Scope != a.Scope() {
		return gone(a, "InvalidGroup.NotFound")
	}
	switch {
	case k.Peer.List != "":
		if _, there := w.PrefixLists[netstate.PrefixListKey{Scope: k.Scope, ID: k.Peer.List}]; !there {
			return gone(a, "InvalidPrefixListID.NotFound")
		}
	case k.Peer.Group != "":
		if peer == "" {
			peer = k.Account
		}
		other, there := w.Groups[netstate.GroupKey{Scope: netstate.Scope{Account: peer, Region: k.Region}, ID: k.Peer.Group}]
		if !there || other.VPC != g.VPC && !w.joined(k.Region, g.VPC, other.VPC) {
			return gone(a, "InvalidGroup.NotFound")
		}
	}
	return nil
}

// joined reports whether an active connection joins two VPCs of a region.
func (w *world) joined(r netstate.Region, one, other netstate.VPCID) bool {
	for _, c := range w.Connections {
		in := c.Requester.Region == r && c.Accepter.Region == r
		if in && c.Status == netstate.Active && (c.Requester.ID == one && c.Accepter.ID == other || c.Requester.ID == other && c.Accepter.ID == one) {
			return true
		}
	}
	return false
}
