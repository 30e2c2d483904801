package world

// Gateway is an internet gateway, attached to at most one VPC.
type Gateway struct {
	ID, Owner, VPC string
	Tags           Tags
}

// CreateInternetGateway makes a gateway that is attached nowhere.
func (w *World) CreateInternetGateway(at At, tags Tags) (Gateway, *Error) {
	r := w.in(at.Scope)
	if err := w.CheckTags(at.Account, tags); err != nil {
		return Gateway{}, err
	}
	if full(len(r.gateways), w.Quota(at.Account).Gateways) {
		return Gateway{}, refuse("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.")
	}
	g := Gateway{ID: w.newID("igw"), Owner: at.Account, Tags: tags}
	r.gateways[g.ID] = g
	return g, nil
}

// AttachInternetGateway gives a VPC its one gateway.
func (w *World) AttachInternetGateway(at At, id, vpc string) *Error {
	r := w.in(at.Scope)
	g, err := get(gatewayKind, r.gateways, id)
	if err != nil {
		return err
	}
	if _, err := get(vpcKind, r.vpcs, vpc); err != nil {
		return err
	}
	if g.VPC != "" {
		return refuse("Resource.AlreadyAssociated", "resource %s is already attached to network %s", id, g.VPC)
	}
	for _, o := range r.gateways {
		if o.VPC == vpc {
			return invalid("Network %s already has an internet gateway attached", vpc)
		}
	}
	g.VPC = vpc
	r.gateways[id] = g
	return nil
}

// DetachInternetGateway leaves routes to the gateway behind as blackholes.
func (w *World) DetachInternetGateway(at At, id, vpc string) *Error {
	r := w.in(at.Scope)
	g, err := get(gatewayKind, r.gateways, id)
	if err != nil {
		return err
	}
	if g.VPC != vpc || vpc == "" {
		return refuse("Gateway.NotAttached", "resource %s is not attached to network %s", id, vpc)
	}
	g.VPC = ""
	r.gateways[id] = g
	return nil
}

// DeleteInternetGateway wants the gateway detached first.
func (w *World) DeleteInternetGateway(at At, id string) *Error {
	r := w.in(at.Scope)
	g, err := get(gatewayKind, r.gateways, id)
	if err != nil {
		return err
	}
	if g.VPC != "" {
		return refuse("DependencyViolation", "The internetGateway '%s' has dependencies and cannot be deleted.", id)
	}
	delete(r.gateways, id)
	return nil
}

// AddGateway puts a gateway into the world.
func (w *World) AddGateway(at At, g Gateway) {
	g.Owner = at.Account
	w.in(at.Scope).gateways[g.ID] = g
}

// Gateways lists the internet gateways of the scope.
func (w *World) Gateways(at At, q Query) ([]Gateway, *Error) {
	return find(w, q, listing[Gateway]{
		kind: gatewayKind, all: sorted(w.in(at.Scope).gateways),
		id: func(g Gateway) string { return g.ID }, tags: func(g Gateway) Tags { return g.Tags },
		fields: fields[Gateway]{
			"internet-gateway-id": func(g Gateway) []string { return one(g.ID) },
			"owner-id":            func(g Gateway) []string { return one(g.Owner) },
			"attachment.vpc-id":   func(g Gateway) []string { return one(g.VPC) },
			"attachment.state": func(g Gateway) []string {
				if g.VPC == "" {
					return nil
				}
				return one("available")
			},
		},
	})
}
