package awsnet

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// addRoute makes a route. EC2 refuses a destination that is there already; what it points at is for the next look to compare.
func (w *writer) addRoute(ctx context.Context, a plan.AddRoute) *netstate.Error {
	return w.change(ctx, fmt.Sprintf("create route %s in %s", a.Key.Dest, a.Key.Table), func(ctx context.Context) error {
		in := &ec2.CreateRouteInput{RouteTableId: text(a.Key.Table), VpcPeeringConnectionId: text(a.Conn)}
		in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId = destination(a.Key.Dest)
		out, err := w.write.CreateRoute(ctx, in)
		if err != nil {
			return err
		}
		return agreed(out.Return)
	})
}

// replaceRoute points a route elsewhere, if it still points where it did when that was decided.
func (w *writer) replaceRoute(ctx context.Context, a plan.ReplaceRoute) *netstate.Error {
	what := fmt.Sprintf("replace route %s in %s", a.Key.Dest, a.Key.Table)
	return w.guarded(ctx, guard{what, "ReplaceRoute", a.Key, a.Was, netstate.Stale}, func(ctx context.Context) error {
		in := &ec2.ReplaceRouteInput{RouteTableId: text(a.Key.Table), VpcPeeringConnectionId: text(a.Conn)}
		in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId = destination(a.Key.Dest)
		_, err := w.write.ReplaceRoute(ctx, in, once)
		return err
	})
}

// removeRoute deletes a route, if it still points where it did when that was decided.
func (w *writer) removeRoute(ctx context.Context, a plan.RemoveRoute) *netstate.Error {
	what := fmt.Sprintf("delete route %s in %s", a.Key.Dest, a.Key.Table)
	return w.guarded(ctx, guard{what, "DeleteRoute", a.Key, a.Was, netstate.Gone}, func(ctx context.Context) error {
		in := &ec2.DeleteRouteInput{RouteTableId: text(a.Key.Table)}
		in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId = destination(a.Key.Dest)
		_, err := w.write.DeleteRoute(ctx, in, once)
		return err
	})
}

// guard is what must hold of a route when it is written.
type guard struct {
	what, operation string
	key             netstate.RouteKey
	was             netstate.Target
	absent          netstate.Kind // what it is called when the route is not there
}

// guarded reads the route just before it is written, and refuses if it is no longer what was decided upon. EC2 has no compare-and-set
// for routes, so the gap is kept as short as it can be: the token for the write is taken before the read, and the write is sent once,
// without a back-off in which the world could change.
func (w *writer) guarded(ctx context.Context, g guard, write func(context.Context) error) *netstate.Error {
	if err := w.limits.wait(ctx, g.operation); err != nil {
		return w.failure(g.what, err, false)
	}
	now, there, err := w.routeNow(ctx, g.key)
	switch {
	case err != nil:
		return err
	case !there:
		return &netstate.Error{Op: g.what, Scope: w.scope, Kind: g.absent, Message: "the route is not there any more"}
	case now.Target != g.was || now.Origin != netstate.OriginCreateRoute:
		return &netstate.Error{Op: g.what, Scope: w.scope, Kind: netstate.Stale,
			Message: fmt.Sprintf("the route points at %s now, not at %s", now.Target, g.was)}
	}
	return w.change(paid(ctx), g.what, write)
}

// once makes the call without a second attempt.
func once(o *ec2.Options) { o.RetryMaxAttempts = 1 }
