package demo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

// errNotYet is said where there is nothing to change yet, since peerd is still at it.
var errNotYet = errors.New("there is nothing to change yet")

// patiently does something by hand once it can be done.
func patiently(do func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for {
			err := do(ctx)
			if !errors.Is(err, errNotYet) {
				return err
			}
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
				return nil // nobody watches any more
			}
		}
	}
}

// deleteRoute deletes a route to a connection in the hub's account.
func (d *Demo) deleteRoute(ctx context.Context) error {
	c, err := d.client(ctx, "111111111111", "eu-west-1")
	if err != nil {
		return err
	}
	tables, err := c.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{})
	if err != nil {
		return err
	}
	for _, t := range tables.RouteTables {
		for _, r := range t.Routes {
			if r.VpcPeeringConnectionId != nil {
				_, err := c.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: t.RouteTableId, DestinationCidrBlock: r.DestinationCidrBlock})
				return err
			}
		}
	}
	return errNotYet
}

// changeRules revokes the database's rule, and opens its group to everybody.
func (d *Demo) changeRules(ctx context.Context) error {
	c, err := d.client(ctx, "222222222222", "us-east-1")
	if err != nil {
		return err
	}
	rules, err := c.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rules.SecurityGroupRules, func(r types.SecurityGroupRule) bool { return aws.ToInt32(r.FromPort) == 5432 })
	if i < 0 {
		return errNotYet
	}
	r := rules.SecurityGroupRules[i]
	revoke := &ec2.RevokeSecurityGroupIngressInput{GroupId: r.GroupId, SecurityGroupRuleIds: []string{aws.ToString(r.SecurityGroupRuleId)}}
	if _, err := c.RevokeSecurityGroupIngress(ctx, revoke); err != nil {
		return err
	}
	everybody := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: r.FromPort, ToPort: r.ToPort, IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}
	_, err = c.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: r.GroupId, IpPermissions: []types.IpPermission{everybody}})
	return err
}

// client is what somebody with credentials of the account works with.
func (d *Demo) client(ctx context.Context, account netstate.AccountID, region string) (*ec2.Client, error) {
	cfg, err := d.Box.Source(ctx, netstate.Access{Account: account})
	if err != nil {
		return nil, err
	}
	cfg.Region = region
	return ec2.NewFromConfig(cfg), nil
}
