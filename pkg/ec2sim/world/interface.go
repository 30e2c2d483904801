package world

import (
	"net/netip"
	"slices"
	"strconv"
)

// Interface is a network interface, as a world file has it: none of the actions makes or removes one.
type Interface struct {
	ID, VPC, Owner, Subnet, Zone string
	Address                      netip.Addr // the primary private one
	IPv6                         netip.Addr // the zero value: none
	Groups                       []string
	Instance                     string // empty: not attached
	Index                        int    // of the device on the instance; 0 is its primary interface
	Tags                         Tags
}

// AddInterface puts an interface into the world. Routes may point at it and at its instance.
func (w *World) AddInterface(at At, n Interface) {
	r := w.in(at.Scope)
	n.Owner, n.Zone = at.Account, r.subnets[n.Subnet].Zone
	r.interfaces[n.ID] = n
	r.others[n.ID] = true
	if n.Instance != "" {
		r.others[n.Instance] = true
	}
}

// inUse says whether an interface lies in a subnet or has a group.
func (r *region) inUse(subnetOrGroup string) bool {
	for _, n := range r.interfaces {
		if n.Subnet == subnetOrGroup || slices.Contains(n.Groups, subnetOrGroup) {
			return true
		}
	}
	return false
}

// Interfaces lists the network interfaces of the scope.
func (w *World) Interfaces(at At, q Query) ([]Interface, *Error) {
	return find(w, q, listing[Interface]{
		kind: interfaceKind, all: sorted(w.in(at.Scope).interfaces), id: func(n Interface) string { return n.ID }, tags: func(n Interface) Tags { return n.Tags },
		fields: fields[Interface]{
			"network-interface-id":         func(n Interface) []string { return one(n.ID) },
			"vpc-id":                       func(n Interface) []string { return one(n.VPC) },
			"subnet-id":                    func(n Interface) []string { return one(n.Subnet) },
			"availability-zone":            func(n Interface) []string { return one(n.Zone) },
			"owner-id":                     func(n Interface) []string { return one(n.Owner) },
			"group-id":                     func(n Interface) []string { return n.Groups },
			"private-ip-address":           func(n Interface) []string { return one(n.Address.String()) },
			"addresses.private-ip-address": func(n Interface) []string { return one(n.Address.String()) },
			"ipv6-addresses.ipv6-address": func(n Interface) []string {
				if !n.IPv6.IsValid() {
					return nil
				}
				return one(n.IPv6.String())
			},
			"status": func(n Interface) []string { return one(n.Status()) },
			"attachment.instance-id": func(n Interface) []string {
				if n.Instance == "" {
					return nil
				}
				return one(n.Instance)
			},
			"attachment.device-index": func(n Interface) []string {
				if n.Instance == "" {
					return nil
				}
				return one(strconv.Itoa(n.Index))
			},
		},
	})
}

// Status is what EC2 says of an interface: whether it is attached.
func (n Interface) Status() string {
	if n.Instance == "" {
		return "available"
	}
	return "in-use"
}
