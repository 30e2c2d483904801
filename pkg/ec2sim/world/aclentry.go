package world

import (
	"slices"
	"strconv"
)

// EntryRequest is an ACL entry as a request spells it; removing one needs only number and direction.
type EntryRequest struct {
	ACL                      string
	Number                   *int
	Egress                   *bool
	Protocol, Action         string
	CIDR, IPv6               string
	From, To, ICMPType, Code *int
}

// PutEntry adds an ACL entry, or replaces the one with its number and direction.
func (w *World) PutEntry(at At, in EntryRequest, replace bool) *Error {
	a, i, err := w.entry(at, in)
	if err != nil {
		return err
	}
	e, err := in.entry()
	if err != nil {
		return err
	}
	switch {
	case replace && i < 0:
		return noEntry(in)
	case !replace && i >= 0:
		return refuse("NetworkAclEntryAlreadyExists", "The network acl entry identified by %d already exists.", *in.Number)
	case !replace && full(a.count(*in.Egress), w.Quota(at.Account).ACLEntries):
		return refuse("NetworkAclEntryLimitExceeded", "The maximum number of network ACL entries has been reached.")
	}
	a.Entries = slices.Clone(a.Entries)
	if replace {
		a.Entries[i] = e
	} else {
		a.Entries = append(a.Entries, e)
	}
	w.in(at.Scope).acls[a.ID] = a
	return nil
}

// DeleteEntry removes an ACL entry.
func (w *World) DeleteEntry(at At, in EntryRequest) *Error {
	a, i, err := w.entry(at, in)
	if err != nil {
		return err
	}
	if i < 0 {
		return noEntry(in)
	}
	a.Entries = slices.Delete(slices.Clone(a.Entries), i, i+1)
	w.in(at.Scope).acls[a.ID] = a
	return nil
}

func noEntry(in EntryRequest) *Error {
	return refuse("InvalidNetworkAclEntry.NotFound", "The network acl entry '%d' does not exist in network acl '%s'", *in.Number, in.ACL)
}

// entry finds the ACL, and the place of the entry in it; less than zero is nowhere.
func (w *World) entry(at At, in EntryRequest) (ACL, int, *Error) {
	a, err := get(aclKind, w.in(at.Scope).acls, in.ACL)
	switch {
	case err != nil:
		return a, 0, err
	case in.Number == nil:
		return a, 0, missing("ruleNumber")
	case in.Egress == nil:
		return a, 0, missing("egress")
	case *in.Number < 1 || *in.Number >= closing:
		return a, 0, invalid("Value (%d) for parameter ruleNumber is invalid. Rule numbers are 1 to 32766.", *in.Number)
	}
	return a, slices.IndexFunc(a.Entries, func(e Entry) bool { return e.Number == *in.Number && e.Egress == *in.Egress }), nil
}

func (a ACL) count(egress bool) int {
	n := 0
	for _, e := range a.Entries {
		if e.Egress == egress {
			n++
		}
	}
	return n
}

func (in EntryRequest) entry() (Entry, *Error) {
	e := Entry{Number: *in.Number, Egress: *in.Egress, Protocol: in.Protocol, Allow: in.Action == "allow"}
	if in.Action != "allow" && in.Action != "deny" {
		return e, invalid("Value (%s) for parameter ruleAction is invalid.", in.Action)
	}
	if n, err := strconv.Atoi(in.Protocol); err != nil || n < -1 || n > 255 {
		return e, invalid("Value (%s) for parameter protocol is invalid. A protocol number is expected.", in.Protocol)
	}
	if (in.CIDR == "") == (in.IPv6 == "") {
		return e, refuse("InvalidParameterCombination", "Exactly one of cidrBlock and ipv6CidrBlock must be specified")
	}
	var err *Error
	e.CIDR, err = parseCIDR(in.CIDR+in.IPv6, "cidrBlock", in.IPv6 != "")
	if err != nil {
		return e, err
	}
	return e, in.ports(&e)
}

// ports: TCP and UDP need a range, ICMP needs type and code (EC2 API reference, CreateNetworkAclEntry).
func (in EntryRequest) ports(e *Entry) *Error {
	a, b, name := in.From, in.To, "portRange"
	icmp := e.Protocol == "1" || e.Protocol == "58"
	if icmp {
		a, b, name = in.ICMPType, in.Code, "icmpTypeCode"
	} else if e.Protocol != "6" && e.Protocol != "17" {
		return nil
	}
	if a == nil || b == nil {
		return missing(name)
	}
	if icmp {
		e.ICMPType, e.Code = *a, *b
		return nil
	}
	if *a < 0 || *b > 65535 || *a > *b {
		return invalid("Invalid port range %d-%d", *a, *b)
	}
	e.From, e.To = *a, *b
	return nil
}

// ACLs lists the network ACLs that the scope sees.
func (w *World) ACLs(at At, q Query) ([]ACL, *Error) {
	own := sorted(w.in(at.Scope).acls)
	for i := range own {
		own[i] = w.closed(at, own[i])
	}
	id := func(a ACL) string { return a.ID }
	others := func(o At, v VPC) []ACL {
		return inVPC(w.in(o.Scope).acls, func(a ACL) string { return a.VPC }, v.ID, func(a *ACL) { *a, a.Tags = w.closed(o, *a), nil })
	}
	return find(w, q, listing[ACL]{
		kind: aclKind, all: described(w, at, own, others, id), id: id, tags: func(a ACL) Tags { return a.Tags }, fields: aclFields,
	})
}

// closed shows the deny that closes each direction like any entry.
func (w *World) closed(at At, a ACL) ACL {
	a.Entries = slices.Clone(a.Entries)
	for _, egress := range []bool{true, false} {
		a.Entries = append(a.Entries, Entry{Number: closing, Egress: egress, Protocol: "-1", CIDR: mustCIDR("0.0.0.0/0")})
		if len(w.in(at.Scope).vpcs[a.VPC].Prefixes(true)) > 0 {
			a.Entries = append(a.Entries, Entry{Number: closing + 1, Egress: egress, Protocol: "-1", CIDR: mustCIDR("::/0")})
		}
	}
	slices.SortStableFunc(a.Entries, func(x, y Entry) int { return x.Number - y.Number })
	return a
}

var aclFields = fields[ACL]{
	"vpc-id":         func(a ACL) []string { return one(a.VPC) },
	"network-acl-id": func(a ACL) []string { return one(a.ID) },
	"owner-id":       func(a ACL) []string { return one(a.Owner) },
	"default":        func(a ACL) []string { return yes(a.Default) },
	"association.subnet-id": func(a ACL) []string {
		var out []string
		for _, s := range a.Associations {
			out = append(out, s.Subnet)
		}
		return out
	},
	"association.association-id": func(a ACL) []string {
		var out []string
		for _, s := range a.Associations {
			out = append(out, s.ID)
		}
		return out
	},
	"association.network-acl-id": func(a ACL) []string {
		if len(a.Associations) == 0 {
			return nil
		}
		return one(a.ID)
	},
	"entry.cidr":        eachEntry(func(e Entry) string { return Dest{Prefix: e.CIDR}.v4() }),
	"entry.ipv6-cidr":   eachEntry(func(e Entry) string { return Dest{Prefix: e.CIDR}.v6() }),
	"entry.protocol":    eachEntry(func(e Entry) string { return e.Protocol }),
	"entry.egress":      eachEntry(func(e Entry) string { return strconv.FormatBool(e.Egress) }),
	"entry.rule-number": eachEntry(func(e Entry) string { return strconv.Itoa(e.Number) }),
	"entry.rule-action": eachEntry(func(e Entry) string { return e.Verdict() }),
}

// Verdict is allow or deny.
func (e Entry) Verdict() string {
	if e.Allow {
		return "allow"
	}
	return "deny"
}

func eachEntry(value func(Entry) string) func(ACL) []string {
	return func(a ACL) []string {
		var out []string
		for _, e := range a.Entries {
			out = append(out, one(value(e))...)
		}
		return out
	}
}
