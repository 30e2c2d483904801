package netstate

import "net/netip"

// InterfaceKey is a network interface's identity.
type InterfaceKey struct {
	Scope
	ID InterfaceID
}

// Interface is a network interface.
type Interface struct {
	VPC      VPCID
	Address  netip.Addr // the primary private IPv4 address
	Groups   []GroupID
	Instance InstanceID // empty: not attached to one
	Index    int32      // of the device on the instance; 0 is its primary interface
}
