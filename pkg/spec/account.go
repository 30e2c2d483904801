package spec

import (
	"strings"
	"time"

	"github.com/peerd/peerd/pkg/netstate"
)

func (l *loader) makeAccounts() {
	first := map[netstate.AccountID]*Account{}
	for _, name := range l.order["accounts"] {
		n := l.entries["accounts"][name]
		a := l.account(name, n)
		if other := first[a.ID]; other != nil {
			l.ps.at(n.get("id"), "account %s is already defined as %s, at %s: one account has one name", a.ID, other.Name, other.Pos)
			continue
		}
		if a.ID == "" {
			continue
		}
		first[a.ID] = a
		l.accounts[name] = a
		l.set.Accounts = append(l.set.Accounts, a)
	}
}

func (l *loader) account(name string, n *node) *Account {
	a := &Account{
		Pos: n.pos, Name: name,
		ID:              value[netstate.AccountID](n.get("id")),
		Managed:         n.get("managed") == nil || value[bool](n.get("managed")),
		Role:            value[string](n.get("role")),
		ReadRole:        value[string](n.get("readRole")),
		ExternalID:      value[string](n.get("externalId")),
		Profile:         value[string](n.get("profile")),
		SessionDuration: value[time.Duration](n.get("sessionDuration")),
		STSRegion:       value[netstate.Region](n.get("stsRegion")),
		Quotas:          quotas(n.get("quotas")),
	}
	for _, r := range n.list("regions") {
		a.Regions = append(a.Regions, value[netstate.Region](r))
	}
	l.checkAccess(n, a)
	return a
}

func quotas(n *node) Quotas {
	return Quotas{
		PeeringsPerVPC:      value[int](n.get("peeringsPerVpc")),
		OutstandingRequests: value[int](n.get("outstandingRequests")),
		RoutesPerTable:      value[int](n.get("routesPerTable")),
		RulesPerGroup:       value[int](n.get("rulesPerGroup")),
	}
}

// checkAccess complains about rights that do not fit the account.
func (l *loader) checkAccess(n *node, a *Account) {
	if !a.Managed {
		for _, field := range []string{"role", "readRole", "externalId", "profile", "sessionDuration", "stsRegion", "regions"} {
			if v := n.get(field); v != nil {
				l.ps.at(v, "account %s is not managed, so peerd never signs in there: remove %s, or managed: false", a.Name, field)
			}
		}
		return
	}
	for _, field := range []string{"role", "readRole"} {
		if v := n.get(field); v != nil && a.ID != "" {
			l.checkRole(v, a)
		}
	}
	if n.broken || a.Role != "" || a.ReadRole != "" {
		return
	}
	for _, field := range []string{"externalId", "sessionDuration"} {
		if v := n.get(field); v != nil {
			l.ps.at(v, "has no effect, because account %s states no role to assume: add role, or remove %s", a.Name, field)
		}
	}
}

func (l *loader) checkRole(n *node, a *Account) {
	parts := strings.SplitN(n.text, ":", 6)
	if len(parts) == 6 && parts[4] != string(a.ID) {
		l.ps.at(n, "the role is one of account %s, but account %s is %s: correct one of them", parts[4], a.Name, a.ID)
	}
}

// partition returns the partition that an account's role or region says it is in, empty when neither does.
func (a *Account) partition() string {
	for _, role := range []string{a.Role, a.ReadRole} {
		if parts := strings.SplitN(role, ":", 3); len(parts) == 3 {
			return parts[1]
		}
	}
	for _, r := range append([]netstate.Region{a.STSRegion}, a.Regions...) {
		if r != "" {
			return r.Partition()
		}
	}
	return ""
}
