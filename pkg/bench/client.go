package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"golang.org/x/sync/errgroup"
)

// client does what must be done and nothing else: the three lists without which it is not known whether anything differs, and the writes of a
// world that has nothing yet. It plans nothing, checks nothing, tags nothing and looks at nothing twice. At most inFlight calls are on their way.
type client struct {
	workload
	ec2 map[[2]string]*ec2.Client
}

const inFlight = 16

func runClient(ctx context.Context, w workload, converge bool) error {
	c := &client{w, map[[2]string]*ec2.Client{}}
	if err := c.connect(ctx); err != nil {
		return err
	}
	if err := c.list(ctx); err != nil || !converge {
		return err
	}
	return c.make(ctx)
}

// connect makes a client for each account and region; the accounts' roles are assumed when they are first used, once for each.
func (c *client) connect(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(regionNames[0]), config.WithRetryMaxAttempts(10))
	if err != nil {
		return err
	}
	roles := map[string]aws.CredentialsProvider{}
	for _, s := range c.scopes() {
		if roles[s[0]] == nil {
			roles[s[0]] = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), "arn:aws:iam::"+s[0]+":role/peerd"))
		}
		c.ec2[s] = ec2.NewFromConfig(cfg, func(o *ec2.Options) { o.Region, o.Credentials = s[1], roles[s[0]] })
	}
	return nil
}

func (c *client) of(i int) *ec2.Client { return c.ec2[[2]string{c.account(i), c.region(i)}] }

// list makes the three lists of every account and region.
func (c *client) list(ctx context.Context) error {
	return each(ctx, c.scopes(), func(ctx context.Context, s [2]string) error {
		api := c.ec2[s]
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error {
			return pages(ctx, ec2.NewDescribeVpcPeeringConnectionsPaginator(api, &ec2.DescribeVpcPeeringConnectionsInput{MaxResults: aws.Int32(1000)}))
		})
		g.Go(func() error {
			return pages(ctx, ec2.NewDescribeRouteTablesPaginator(api, &ec2.DescribeRouteTablesInput{MaxResults: aws.Int32(100)}))
		})
		g.Go(func() error {
			return pages(ctx, ec2.NewDescribeSecurityGroupRulesPaginator(api, &ec2.DescribeSecurityGroupRulesInput{MaxResults: aws.Int32(1000)}))
		})
		return g.Wait()
	})
}

type paginator[T any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*ec2.Options)) (T, error)
}

func pages[T any](ctx context.Context, p paginator[T]) error {
	for p.HasMorePages() {
		if _, err := p.NextPage(ctx); err != nil {
			return err
		}
	}
	return nil
}

// make makes everything: connections, then their acceptance, routes and rules, each kind once the one before is done.
func (c *client) make(ctx context.Context) error {
	ids := make([]string, len(c.pairs))
	err := each(ctx, numbers(len(c.pairs)), func(ctx context.Context, n int) error {
		a, b := c.pairs[n][0], c.pairs[n][1]
		out, err := c.of(a).CreateVpcPeeringConnection(ctx, &ec2.CreateVpcPeeringConnectionInput{
			VpcId: aws.String(vpcID(a)), PeerVpcId: aws.String(vpcID(b)), PeerOwnerId: aws.String(c.account(b)), PeerRegion: aws.String(c.region(b)),
		})
		if err == nil {
			ids[n] = aws.ToString(out.VpcPeeringConnection.VpcPeeringConnectionId)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := each(ctx, numbers(len(c.pairs)), func(ctx context.Context, n int) error { return c.accept(ctx, c.pairs[n][1], ids[n]) }); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return each(ctx, numbers(len(c.pairs)), func(ctx context.Context, n int) error { return c.route(ctx, n, ids[n]) })
	})
	g.Go(func() error { return each(ctx, numbers(c.vpcs), c.open) })
	return g.Wait()
}

// accept accepts a request as soon as its region shows it.
func (c *client) accept(ctx context.Context, accepter int, id string) error {
	for {
		_, err := c.of(accepter).AcceptVpcPeeringConnection(ctx, &ec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: &id})
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (c *client) route(ctx context.Context, n int, id string) error {
	for side, from := range c.pairs[n] {
		for t := range c.tables {
			_, err := c.of(from).CreateRoute(ctx, &ec2.CreateRouteInput{
				RouteTableId: aws.String(tableID(from, t)), DestinationCidrBlock: aws.String(cidr(c.pairs[n][1-side])), VpcPeeringConnectionId: &id,
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// open makes all rules of a VPC's group in one call.
func (c *client) open(ctx context.Context, i int) error {
	var rules []types.IpPermission
	for _, p := range c.pairs {
		for side := range p {
			if p[side] != i {
				continue
			}
			for r := range c.rules {
				at := aws.Int32(int32(port(r)))
				rules = append(rules, types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: at, ToPort: at, IpRanges: []types.IpRange{{CidrIp: aws.String(cidr(p[1-side]))}}})
			}
		}
	}
	_, err := c.of(i).AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String(groupID(i)), IpPermissions: rules})
	return err
}

// each calls do for all items, so many at a time.
func each[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for _, it := range items {
		g.Go(func() error { return do(ctx, it) })
	}
	return g.Wait()
}

func numbers(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// clientMain is what the process does that runs the minimal client.
func clientMain(args []string) error {
	for _, w := range workloads {
		if w.Name == args[0] {
			return runClient(context.Background(), w, args[1] == "converge")
		}
	}
	return fmt.Errorf("%s: no such workload", args[0])
}
