package ec2sim

import (
	"fmt"

	"github.com/peerd/peerd/pkg/ec2sim/wire"
	"github.com/peerd/peerd/pkg/ec2sim/world"
)

func describeNetworkInterfaces(f wire.Form) effect {
	in := query(f, "NetworkInterfaceId")
	p := pages(f, "networkInterfaceSet", 1000, in.IDs)
	return func(q *request) ([]wire.Node, *world.Error) {
		found, err := q.world.Interfaces(q.at, in)
		if err != nil {
			return nil, err
		}
		return page(q, p, found, func(n world.Interface) string { return n.ID }, interfaceNodes)
	}
}

func interfaceNodes(n world.Interface) []wire.Node {
	nodes := []wire.Node{
		wire.Text("networkInterfaceId", n.ID), wire.Text("subnetId", n.Subnet), wire.Text("vpcId", n.VPC), wire.Text("availabilityZone", n.Zone),
		wire.Text("ownerId", n.Owner), wire.Text("description", ""), wire.Text("interfaceType", "interface"), wire.Text("status", n.Status()),
		wire.Text("macAddress", mac(n)), wire.Bool("requesterManaged", false), wire.Bool("sourceDestCheck", true),
		wire.Text("privateIpAddress", n.Address.String()),
		wire.Set("privateIpAddressesSet", []world.Interface{n}, func(n world.Interface) []wire.Node {
			return []wire.Node{wire.Text("privateIpAddress", n.Address.String()), wire.Bool("primary", true)}
		}),
		wire.Set("groupSet", n.Groups, func(id string) []wire.Node { return []wire.Node{wire.Text("groupId", id)} }),
	}
	if n.IPv6.IsValid() {
		nodes = append(nodes, wire.Set("ipv6AddressesSet", []world.Interface{n}, func(n world.Interface) []wire.Node {
			return []wire.Node{wire.Text("ipv6Address", n.IPv6.String())}
		}))
	}
	if n.Instance != "" {
		nodes = append(nodes, wire.Group("attachment", wire.Text("attachmentId", world.DerivedID("eni-attach", n.ID)), wire.Text("instanceId", n.Instance),
			wire.Text("instanceOwnerId", n.Owner), wire.Int("deviceIndex", n.Index), wire.Text("status", "attached")))
	}
	return append(nodes, tagSet(n.Tags))
}

// mac is a hardware address made from the private one, as unique as that is.
func mac(n world.Interface) string {
	b := n.Address.As4()
	return fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
}
