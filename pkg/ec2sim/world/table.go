package world

import "slices"

// Table is a route table. Its local routes are not stored: they follow the CIDRs of the VPC.
type Table struct {
	ID, VPC, Owner string
	Routes         []Route // as made, in order
	Associations   []Association
	Token          string // the client token that made it
	Tags           Tags
}

// Association ties a table to a subnet, to a gateway (an edge table), or makes it the main one.
type Association struct {
	ID, Subnet, Gateway string
	Main                bool
}

// Main says whether subnets without a table of their own use this one.
func (t Table) Main() bool {
	return slices.ContainsFunc(t.Associations, func(a Association) bool { return a.Main })
}

// Edge says whether a gateway uses the table: such tables take no peering routes (VPC User Guide, "Gateway route tables").
func (t Table) Edge() bool {
	return slices.ContainsFunc(t.Associations, func(a Association) bool { return a.Gateway != "" })
}

// Propagating lists the gateways that propagate routes into the table.
func (t Table) Propagating() []string {
	var out []string
	for _, r := range t.Routes {
		if r.Origin == ByPropagation && !slices.Contains(out, r.Target.ID) {
			out = append(out, r.Target.ID)
		}
	}
	return out
}

// TableView is a table as it reads at one instant: with local routes, and with the state of each route.
type TableView struct {
	Table
	Shown []RouteView
}

func (w *World) addMainTable(at At, v VPC) {
	id := DerivedID("rtb", "main", v.ID)
	w.in(at.Scope).tables[id] = Table{
		ID: id, VPC: v.ID, Owner: at.Account, Tags: Tags{},
		Associations: []Association{{ID: DerivedID("rtbassoc", "main", v.ID), Main: true}},
	}
}

// CreateRouteTable makes a table with the local routes only. The same client token again answers with the same table.
func (w *World) CreateRouteTable(at At, vpc, token string, tags Tags) (TableView, *Error) {
	r := w.in(at.Scope)
	for _, t := range r.tables {
		if token != "" && t.Token == token {
			return w.tableView(at, t), nil
		}
	}
	if _, err := get(vpcKind, r.vpcs, vpc); err != nil {
		return TableView{}, err
	}
	if err := w.CheckTags(at.Account, tags); err != nil {
		return TableView{}, err
	}
	have := 0
	for _, t := range r.tables {
		if t.VPC == vpc {
			have++
		}
	}
	if full(have, w.Quota(at.Account).Tables) {
		return TableView{}, refuse("RouteTableLimitExceeded", "The maximum number of route tables has been reached.")
	}
	t := Table{ID: w.newID("rtb"), VPC: vpc, Owner: at.Account, Token: token, Tags: tags}
	r.tables[t.ID] = t
	return w.tableView(at, t), nil
}

// DeleteRouteTable refuses the main table and any that is associated.
func (w *World) DeleteRouteTable(at At, id string) *Error {
	r := w.in(at.Scope)
	t, err := get(tableKind, r.tables, id)
	if err != nil {
		return err
	}
	if len(t.Associations) > 0 {
		return refuse("DependencyViolation", "The routeTable '%s' has dependencies and cannot be deleted.", id)
	}
	delete(r.tables, id)
	return nil
}

// RouteTables lists the tables that the scope sees. association.main=false finds only tables that have an association, as the
// EC2 API reference warns.
func (w *World) RouteTables(at At, q Query) ([]TableView, *Error) {
	var own []TableView
	for _, t := range sorted(w.in(at.Scope).tables) {
		own = append(own, w.tableView(at, t))
	}
	id := func(t TableView) string { return t.ID }
	others := func(o At, v VPC) []TableView {
		var out []TableView
		for _, t := range inVPC(w.in(o.Scope).tables, func(t Table) string { return t.VPC }, v.ID, func(t *Table) { t.Tags = nil }) {
			out = append(out, w.tableView(o, t))
		}
		return out
	}
	return find(w, q, listing[TableView]{
		kind: tableKind, all: described(w, at, own, others, id), id: id, tags: func(t TableView) Tags { return t.Tags },
		fields: tableFields,
	})
}

var tableFields = fields[TableView]{
	"vpc-id":                                 func(t TableView) []string { return one(t.VPC) },
	"route-table-id":                         func(t TableView) []string { return one(t.ID) },
	"owner-id":                               func(t TableView) []string { return one(t.Owner) },
	"association.main":                       eachAssociation(func(a Association) []string { return yes(a.Main) }),
	"association.subnet-id":                  eachAssociation(func(a Association) []string { return one(a.Subnet) }),
	"association.gateway-id":                 eachAssociation(func(a Association) []string { return one(a.Gateway) }),
	"association.route-table-id":             func(t TableView) []string { return one(t.ID) },
	"route.destination-cidr-block":           eachRoute(func(r RouteView) []string { return one(r.Dest.v4()) }),
	"route.origin":                           eachRoute(func(r RouteView) []string { return one(r.Origin) }),
	"route.state":                            eachRoute(func(r RouteView) []string { return one(r.State) }),
	"route.gateway-id":                       eachTarget(ToGateway),
	"route.nat-gateway-id":                   eachTarget(ToNAT),
	"route.transit-gateway-id":               eachTarget(ToTransit),
	"route.instance-id":                      eachTarget(ToInstance),
	"route.vpc-peering-connection-id":        eachTarget(ToPeering),
	"route.egress-only-internet-gateway-id":  eachTarget(ToEgressOnly),
	"route.destination-ipv6-cidr-block":      eachRoute(func(r RouteView) []string { return one(r.Dest.v6()) }),
	"route.destination-prefix-list-id":       eachRoute(func(r RouteView) []string { return one(r.Dest.List) }),
	"association.route-table-association-id": eachAssociation(func(a Association) []string { return one(a.ID) }),
}

func eachAssociation(value func(Association) []string) func(TableView) []string {
	return func(t TableView) []string {
		var out []string
		for _, a := range t.Associations {
			out = append(out, value(a)...)
		}
		return out
	}
}

func eachRoute(value func(RouteView) []string) func(TableView) []string {
	return func(t TableView) []string {
		var out []string
		for _, r := range t.Shown {
			out = append(out, value(r)...)
		}
		return out
	}
}

func eachTarget(kind TargetKind) func(TableView) []string {
	return eachRoute(func(r RouteView) []string {
		if r.Target.Kind != kind {
			return nil
		}
		return one(r.Target.ID)
	})
}

// AssociateRouteTable gives a subnet, or a gateway, this table instead of the main one.
func (w *World) AssociateRouteTable(at At, id, subnet, gateway string) (string, *Error) {
	r := w.in(at.Scope)
	t, err := get(tableKind, r.tables, id)
	if err != nil {
		return "", err
	}
	if (subnet == "") == (gateway == "") {
		return "", refuse("InvalidParameterCombination", "Exactly one of subnetId and gatewayId must be specified")
	}
	if err := w.associable(r, t, subnet, gateway); err != nil {
		return "", err
	}
	for _, other := range r.tables {
		for _, a := range other.Associations {
			if subnet != "" && a.Subnet == subnet || gateway != "" && a.Gateway == gateway {
				return "", refuse("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association", id)
			}
		}
	}
	a := Association{ID: w.newID("rtbassoc"), Subnet: subnet, Gateway: gateway}
	t.Associations = append(slices.Clip(t.Associations), a)
	r.tables[id] = t
	return a.ID, nil
}

func (w *World) associable(r *region, t Table, subnet, gateway string) *Error {
	if subnet != "" {
		s, err := get(subnetKind, r.subnets, subnet)
		if err == nil && s.VPC != t.VPC {
			return invalid("Route table %s and subnet %s belong to different networks", t.ID, subnet)
		}
		return err
	}
	g, err := get(gatewayKind, r.gateways, gateway)
	if err != nil {
		return err
	}
	if g.VPC != t.VPC {
		return invalid("Route table %s and network gateway %s belong to different networks", t.ID, gateway)
	}
	for _, route := range t.Routes {
		if route.Target.Kind != ToInterface && route.Target.Kind != ToEndpoint {
			return invalid("Route table %s contains a route to %s, which a gateway route table cannot hold", t.ID, route.Target.ID)
		}
	}
	return nil
}

// DisassociateRouteTable returns a subnet to the main table. The main association itself can only be replaced.
func (w *World) DisassociateRouteTable(at At, association string) *Error {
	r, t, i, err := w.association(at, association)
	if err != nil {
		return err
	}
	if t.Associations[i].Main {
		return invalid("cannot disassociate the main route table association %s", association)
	}
	t.Associations = slices.Delete(slices.Clone(t.Associations), i, i+1)
	r.tables[t.ID] = t
	return nil
}

// ReplaceRouteTableAssociation moves a subnet, a gateway or the role of main table to another table.
func (w *World) ReplaceRouteTableAssociation(at At, association, table string) (string, *Error) {
	r, old, i, err := w.association(at, association)
	if err != nil {
		return "", err
	}
	next, err := get(tableKind, r.tables, table)
	if err != nil {
		return "", err
	}
	if next.VPC != old.VPC {
		return "", invalid("Route tables %s and %s belong to different networks", old.ID, table)
	}
	a := old.Associations[i]
	if a.Gateway != "" {
		if err := w.associable(r, next, "", a.Gateway); err != nil {
			return "", err
		}
	}
	a.ID = w.newID("rtbassoc")
	old.Associations = slices.Delete(slices.Clone(old.Associations), i, i+1)
	r.tables[old.ID] = old
	next = r.tables[table] // may be the same table
	next.Associations = append(slices.Clip(next.Associations), a)
	r.tables[table] = next
	return a.ID, nil
}

func (w *World) association(at At, id string) (*region, Table, int, *Error) {
	r := w.in(at.Scope)
	for _, t := range r.tables {
		if i := slices.IndexFunc(t.Associations, func(a Association) bool { return a.ID == id }); i >= 0 {
			return r, t, i, nil
		}
	}
	return r, Table{}, 0, refuse("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", id)
}
