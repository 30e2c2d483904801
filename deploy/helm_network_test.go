package deploy

import (
	"net/netip"
	"testing"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// peer is somebody at the other end: a pod with its namespace, or an address outside the cluster.
type peer struct {
	address        string
	namespace, pod labels.Set
}

func outside(address string) peer { return peer{address: address} }

func pod(namespace string, l labels.Set) peer {
	return peer{address: "10.244.0.7", namespace: labels.Set{"kubernetes.io/metadata.name": namespace}, pod: l}
}

// flow is who speaks to whom, at which port.
type flow struct {
	peer
	protocol core.Protocol
	port     int
	name     string // of the container's port; empty: the peer's port
}

// The policy lets through what peerd needs, and nothing else; decided as Kubernetes decides (API reference, NetworkPolicySpec).
func TestChartNetworkPolicy(t *testing.T) {
	t.Parallel()
	dns, aws, node := pod("kube-system", labels.Set{"k8s-app": "kube-dns"}), outside("198.51.100.4"), outside("169.254.170.23")
	prometheus, stranger := pod("monitoring", labels.Set{"app": "prometheus"}), pod("shop", labels.Set{"app": "cart"})
	to := func(p peer, protocol core.Protocol, port int) flow { return flow{p, protocol, port, ""} }
	from := func(p peer, name string, port int) flow { return flow{p, core.ProtocolTCP, port, name} }
	for values, c := range map[string]struct{ in, notIn, out, notOut []flow }{
		"minimal": {
			in:    []flow{from(prometheus, "metrics", 9797)},
			notIn: []flow{from(outside("203.0.113.9"), "metrics", 9797), from(stranger, "webhook", 9798), from(stranger, "probes", 9799)},
			out:   []flow{to(dns, core.ProtocolUDP, 53), to(dns, core.ProtocolTCP, 53), to(aws, core.ProtocolTCP, 443)},
			notOut: []flow{to(outside("203.0.113.53"), core.ProtocolUDP, 53), to(pod("shop", dns.pod), core.ProtocolUDP, 53), to(aws, core.ProtocolTCP, 22), to(aws, core.ProtocolUDP, 443),
				to(outside("169.254.169.254"), core.ProtocolTCP, 80), to(node, core.ProtocolTCP, 80), to(aws, core.ProtocolTCP, 6443)},
		},
		"https": {
			in:     []flow{from(prometheus, "metrics", 9797), from(outside("192.0.2.8"), "webhook", 9798)},
			notIn:  []flow{from(stranger, "metrics", 9797), from(outside("203.0.113.9"), "webhook", 9798), from(prometheus, "probes", 9799)},
			out:    []flow{to(aws, core.ProtocolTCP, 8443), to(aws, core.ProtocolTCP, 443)},
			notOut: []flow{to(aws, core.ProtocolTCP, 22), to(node, core.ProtocolTCP, 80)},
		},
		"two-replicas": {
			in:    []flow{from(prometheus, "probes", 9799), from(stranger, "metrics", 9797)},
			notIn: []flow{from(stranger, "probes", 9799), from(stranger, "webhook", 9798)},
			out: []flow{to(outside("192.0.2.22"), core.ProtocolTCP, 2222), to(outside("10.0.3.4"), core.ProtocolTCP, 6443), to(node, core.ProtocolTCP, 80),
				to(outside("fd00:ec2::23"), core.ProtocolTCP, 80), to(outside("10.0.0.9"), core.ProtocolTCP, 3128), to(outside("169.254.20.10"), core.ProtocolUDP, 53)},
			notOut: []flow{to(aws, core.ProtocolTCP, 443), to(outside("192.0.2.22"), core.ProtocolTCP, 22), to(outside("192.0.2.23"), core.ProtocolTCP, 2222), to(dns, core.ProtocolUDP, 53),
				to(outside("169.254.169.254"), core.ProtocolTCP, 80)},
		},
		"cronjob-repo": {
			notIn: []flow{from(prometheus, "metrics", 9797)},
			out:   []flow{to(aws, core.ProtocolTCP, 22), to(aws, core.ProtocolTCP, 443)},
		},
	} {
		t.Run(values, func(t *testing.T) {
			t.Parallel()
			policy := only[*networking.NetworkPolicy](t, render(t, chart+"/ci/"+values+"-values.yaml"))
			if len(policy.Spec.PolicyTypes) != 2 {
				t.Errorf("policy types: %v", policy.Spec.PolicyTypes)
			}
			check := func(flows []flow, want bool, lets func(networking.NetworkPolicySpec, flow) bool) {
				for _, f := range flows {
					if lets(policy.Spec, f) != want {
						t.Errorf("%+v is let through: %v, want %v", f, !want, want)
					}
				}
			}
			check(c.in, true, letsIn)
			check(c.notIn, false, letsIn)
			check(c.out, true, letsOut)
			check(c.notOut, false, letsOut)
		})
	}
}

func letsIn(s networking.NetworkPolicySpec, f flow) bool {
	for _, r := range s.Ingress {
		if hasPort(r.Ports, f) && hasPeer(r.From, f.peer) {
			return true
		}
	}
	return false
}

func letsOut(s networking.NetworkPolicySpec, f flow) bool {
	for _, r := range s.Egress {
		if hasPort(r.Ports, f) && hasPeer(r.To, f.peer) {
			return true
		}
	}
	return false
}

// hasPort: an empty list is every port.
func hasPort(ports []networking.NetworkPolicyPort, f flow) bool {
	for _, p := range ports {
		protocol := core.ProtocolTCP
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		if protocol != f.protocol {
			continue
		}
		if p.Port == nil || p.Port.StrVal != "" && p.Port.StrVal == f.name || p.Port.StrVal == "" && p.Port.IntValue() == f.port {
			return true
		}
	}
	return len(ports) == 0
}

// hasPeer: an empty list is everybody.
func hasPeer(peers []networking.NetworkPolicyPeer, who peer) bool {
	for _, p := range peers {
		switch {
		case p.IPBlock != nil:
			if netip.MustParsePrefix(p.IPBlock.CIDR).Contains(netip.MustParseAddr(who.address)) {
				return true
			}
		case p.NamespaceSelector != nil:
			if who.namespace != nil && matches(p.NamespaceSelector, who.namespace) && (p.PodSelector == nil || matches(p.PodSelector, who.pod)) {
				return true
			}
		}
	}
	return len(peers) == 0
}

func matches(s *meta.LabelSelector, l labels.Set) bool {
	selector, err := meta.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(l)
}
