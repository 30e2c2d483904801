package awsnet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

// Observe looks at the world once. The error is the context's only; what could not be read is in Unread, listing by listing. The rights
// of the look are kept: actions are applied with those of the latest one.
func (t *Target) Observe(ctx context.Context, l netstate.Look) (*netstate.Observed, error) {
	scopes := slices.SortedFunc(maps.Keys(l.Scopes), netstate.Scope.Compare)
	t.remember(l.Access, scopes)
	o := netstate.NewObserved(t.cfg.Now())
	seen := make([]*sight, len(scopes))
	var wg sync.WaitGroup
	for i, scope := range scopes {
		wg.Go(func() { seen[i] = t.see(ctx, l, scope) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, s := range seen {
		s.into(o)
	}
	return o, nil
}

// remember keeps how accounts are reached, and where STS is asked for those for which neither the spec nor the SDK's settings say it: were it where the
// quickest scope is, chance would decide whether an account can be reached while one region's STS does not answer.
func (t *Target) remember(access map[netstate.AccountID]netstate.Access, sorted []netstate.Scope) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.Copy(t.access, access)
	for _, s := range sorted {
		if t.near[s.Account] == "" {
			t.near[s.Account] = s.Region
		}
	}
}

// errBudget is the cause that ends the reading of a scope.
var errBudget = fmt.Errorf("the time for reading this account and region is over")

// sight is what one scope showed: each listing's result, or nil where it was not asked for.
type sight struct {
	scope       netstate.Scope
	connections *result[[]types.VpcPeeringConnection]
	vpcs        *result[map[netstate.VPC]netstate.Facts]
	dns         *result[map[dnsKey]bool]
	subnets     *result[map[netstate.SubnetKey]netstate.Subnet]
	tables      *result[tables]
	acls        *result[map[netstate.ACLKey]netstate.ACL]
	interfaces  *result[map[netstate.InterfaceKey]netstate.Interface]
	groups      *result[map[netstate.GroupKey]netstate.Group]
	rules       *result[rules]
	prefixLists *result[prefixLists]
	listsInUse  *result[prefixLists]
}

// see reads one scope within its budget.
func (t *Target) see(ctx context.Context, l netstate.Look, scope netstate.Scope) *sight {
	ctx, cancel := context.WithTimeoutCause(ctx, t.cfg.ScopeBudget, errBudget)
	defer cancel()
	w := l.Scopes[scope]
	if l.ConnectionsOnly {
		w = netstate.ScopeLook{}
	}
	r := &reader{t: t, w: w, owner: l.Owner}
	if l.ConnectionsOnly {
		r.owner = ""
	}
	c, err := t.reach(ctx, l, scope)
	if err != nil {
		r.refused = err
	}
	r.client = c
	return r.read(ctx)
}

// reach returns the client of a scope, with credentials in hand: an account that cannot be reached is found out once, not by every listing.
// Without a role the credentials are what the process has, which are easily another account's: then nothing of this one would be found.
func (t *Target) reach(ctx context.Context, l netstate.Look, scope netstate.Scope) (*client, *netstate.Error) {
	nobody := &client{scope: scope}
	a, ok := l.Access[scope.Account]
	if !ok {
		return nobody, &netstate.Error{Op: "open a session", Scope: scope, Kind: netstate.Denied, Message: "no access to this account is configured"}
	}
	c, err := t.client(ctx, scope, a)
	if err == nil {
		err = c.renewing(ctx, func(ctx context.Context) error {
			_, err := c.keys.Retrieve(ctx)
			return err
		})
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nobody, nobody.failure("open a session", err, false)
	}
	if t.cfg.Verify || a.Role == "" {
		return c, t.verify(ctx, c, a)
	}
	return c, nil
}

// reader reads one scope.
type reader struct {
	t *Target
	*client
	w       netstate.ScopeLook
	owner   netstate.OwnerID
	refused *netstate.Error // why nothing can be read
	wg      sync.WaitGroup
}

// read starts every listing that is asked for, all at once, and waits for them. A listing that needs another's result waits for it by
// itself: tables, subnets and groups for the VPCs only where one is selected by tags; rules for the groups.
func (r *reader) read(ctx context.Context) *sight {
	s := &sight{scope: r.scope}
	s.connections = start(r, true, func() ([]types.VpcPeeringConnection, *netstate.Error) { return r.listConnections(ctx) })
	s.vpcs = start(r, len(r.w.VPCs) > 0, func() (map[netstate.VPC]netstate.Facts, *netstate.Error) { return r.listVPCs(ctx) })
	s.dns = start(r, len(r.w.DNS) > 0, func() (map[dnsKey]bool, *netstate.Error) { return r.readDNS(ctx, s.vpcs) })
	s.subnets = start(r, r.w.Subnets && len(r.w.VPCs) > 0, func() (map[netstate.SubnetKey]netstate.Subnet, *netstate.Error) {
		return r.listSubnets(ctx, s.vpcs)
	})
	s.tables = start(r, r.w.Tables && len(r.w.VPCs) > 0, func() (tables, *netstate.Error) { return r.listTables(ctx, s.vpcs) })
	s.acls = start(r, r.w.ACLs && len(r.w.VPCs) > 0, func() (map[netstate.ACLKey]netstate.ACL, *netstate.Error) { return r.listACLs(ctx, s.vpcs) })
	s.interfaces = start(r, len(r.w.Interfaces) > 0, func() (map[netstate.InterfaceKey]netstate.Interface, *netstate.Error) { return r.listInterfaces(ctx) })
	s.groups = start(r, len(r.w.Groups) > 0, func() (map[netstate.GroupKey]netstate.Group, *netstate.Error) { return r.listGroups(ctx, s.vpcs) })
	s.rules = start(r, len(r.w.Groups) > 0 || r.owner != "", func() (rules, *netstate.Error) { return r.listRules(ctx, s.groups) })
	s.prefixLists = start(r, len(r.w.PrefixLists) > 0, func() (prefixLists, *netstate.Error) { return r.listPrefixLists(ctx) })
	s.listsInUse = start(r, s.tables != nil || s.rules != nil, func() (prefixLists, *netstate.Error) { return r.listsInUse(ctx, s.tables, s.rules) })
	r.wg.Wait()
	return s
}

// into lays what the scope showed into the whole.
func (s *sight) into(o *netstate.Observed) {
	keep(o, s.scope, netstate.ListConnections, s.connections, func(l []types.VpcPeeringConnection) { mergeConnections(o, s.scope, l) })
	keep(o, s.scope, netstate.ListVPCs, s.vpcs, func(m map[netstate.VPC]netstate.Facts) { maps.Copy(o.VPCs, m) })
	keep(o, s.scope, netstate.ListDNS, s.dns, func(m map[dnsKey]bool) { mergeDNS(o, m) })
	keep(o, s.scope, netstate.ListSubnets, s.subnets, func(m map[netstate.SubnetKey]netstate.Subnet) { maps.Copy(o.Subnets, m) })
	keep(o, s.scope, netstate.ListTables, s.tables, func(t tables) { maps.Copy(o.Tables, t.tables); maps.Copy(o.Routes, t.routes) })
	keep(o, s.scope, netstate.ListACLs, s.acls, func(m map[netstate.ACLKey]netstate.ACL) { maps.Copy(o.ACLs, m) })
	keep(o, s.scope, netstate.ListInterfaces, s.interfaces, func(m map[netstate.InterfaceKey]netstate.Interface) { maps.Copy(o.Interfaces, m) })
	keep(o, s.scope, netstate.ListRules, s.rules, func(r rules) { maps.Copy(o.Rules, r.rules); maps.Copy(o.Groups, r.groups) })
	keep(o, s.scope, netstate.ListGroups, s.groups, func(m map[netstate.GroupKey]netstate.Group) { maps.Copy(o.Groups, m) })
	keep(o, s.scope, netstate.ListPrefixLists, s.prefixLists, func(m prefixLists) { maps.Copy(o.PrefixLists, m) })
	if m, err := s.listsInUse.wait(); err == nil { // else they are unknown, and each counts as one entry
		maps.Copy(o.PrefixLists, m)
	}
}

// keep takes a listing's result, or notes why there is none.
func keep[T any](o *netstate.Observed, s netstate.Scope, l netstate.Listing, r *result[T], take func(T)) {
	if r == nil {
		return
	}
	v, err := r.wait()
	if err != nil {
		o.Fail(s, l, err)
		return
	}
	take(v)
}

// result is what a listing will have shown once done is closed.
type result[T any] struct {
	done  chan struct{}
	value T
	err   *netstate.Error
}

// start reads a listing beside the others if it is asked for; else it returns nil. The listing ends when its context does, so waiting
// for it needs no context of its own.
func start[T any](r *reader, asked bool, list func() (T, *netstate.Error)) *result[T] {
	if !asked {
		return nil
	}
	f := &result[T]{done: make(chan struct{}), err: r.refused}
	if r.refused != nil {
		close(f.done)
		return f
	}
	r.wg.Go(func() {
		defer close(f.done)
		defer r.caught("read a listing", &f.err)
		f.value, f.err = list()
	})
	return f
}

// wait returns the listing's result. A listing that was not asked for has none.
func (f *result[T]) wait() (T, *netstate.Error) {
	if f == nil {
		var none T
		return none, nil
	}
	<-f.done
	return f.value, f.err
}
