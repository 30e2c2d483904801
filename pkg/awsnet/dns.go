package awsnet

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/peerd/peerd/pkg/netstate"
)

// dnsKey is one DNS attribute of one VPC: EC2 answers one per call and offers no list of them.
type dnsKey struct {
	vpc       netstate.VPC
	attribute types.VpcAttributeName
}

// dnsKept is how long an attribute that is on is taken to be on; one that is off is what somebody may be about to change.
const dnsKept = time.Hour

// readDNS reads both DNS attributes of the VPCs that ask for it. A VPC that is not there has none.
func (r *reader) readDNS(ctx context.Context, vpcs *result[map[netstate.VPC]netstate.Facts]) (map[dnsKey]bool, *netstate.Error) {
	ids, err := selectionOf(r.w.DNS).find(vpcs)
	if err != nil {
		return nil, err
	}
	out := map[dnsKey]bool{}
	var mu sync.Mutex // guards out and failed
	var failed *netstate.Error
	read := func(key dnsKey) {
		on, err := r.describeAttribute(ctx, key)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			out[key] = on
		case err.Kind != netstate.Stale: // what is not there is not a failure to read
			failed = err
		}
	}
	var g errgroup.Group
	g.SetLimit(r.cfg.Reads)
	for _, key := range r.t.dnsUnknown(r.scope, ids, out) {
		g.Go(func() error {
			mu.Lock()
			over := failed != nil
			mu.Unlock()
			if !over {
				read(key)
			}
			return nil
		})
	}
	_ = g.Wait()
	r.t.dnsLearn(out)
	if failed != nil {
		return nil, failed
	}
	return out, nil
}

// dnsUnknown puts the attributes that are known to be on into out, and returns the others.
func (t *Target) dnsUnknown(scope netstate.Scope, ids []netstate.VPCID, out map[dnsKey]bool) []dnsKey {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ask []dnsKey
	for _, id := range ids {
		for _, a := range []types.VpcAttributeName{types.VpcAttributeNameEnableDnsSupport, types.VpcAttributeNameEnableDnsHostnames} {
			key := dnsKey{netstate.VPC{Scope: scope, ID: id}, a}
			if at, ok := t.dns[key]; ok && t.cfg.Now().Sub(at) < dnsKept {
				out[key] = true
				continue
			}
			delete(t.dns, key)
			ask = append(ask, key)
		}
	}
	return ask
}

// dnsLearn keeps when an attribute was first seen to be on.
func (t *Target) dnsLearn(seen map[dnsKey]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, on := range seen {
		if _, known := t.dns[key]; on && !known {
			t.dns[key] = t.cfg.Now()
		}
	}
}

func (c *client) describeAttribute(ctx context.Context, key dnsKey) (on bool, err *netstate.Error) {
	what := fmt.Sprintf("read %s of %s", key.attribute, key.vpc.ID)
	defer c.caught(what, &err)
	err = c.look(ctx, what, func(ctx context.Context) error {
		id := string(key.vpc.ID)
		out, err := c.read.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: &id, Attribute: key.attribute})
		if err != nil {
			return err
		}
		v := out.EnableDnsSupport
		if key.attribute == types.VpcAttributeNameEnableDnsHostnames {
			v = out.EnableDnsHostnames
		}
		if v == nil || v.Value == nil {
			return &notReply{"the reply lacks the attribute that was asked for"}
		}
		on = *v.Value
		return nil
	})
	return on, err
}

func mergeDNS(o *netstate.Observed, seen map[dnsKey]bool) {
	for key, on := range seen {
		f, ok := o.VPCs[key.vpc]
		if !ok {
			continue
		}
		if key.attribute == types.VpcAttributeNameEnableDnsHostnames {
			f.DNSHostnames = netstate.TriOf(on)
		} else {
			f.DNSSupport = netstate.TriOf(on)
		}
		o.VPCs[key.vpc] = f
	}
}
