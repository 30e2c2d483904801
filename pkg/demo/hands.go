package demo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/peerd/peerd/pkg/netstate"
)

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
	return errors.New("there is no route to a connection yet")
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
	for _, r := range rules.SecurityGroupRules {
		if aws.ToInt32(r.FromPort) != 5432 {
			continue
		}
		revoke := &ec2.RevokeSecurityGroupIngressInput{GroupId: r.GroupId, SecurityGroupRuleIds: []string{aws.ToString(r.SecurityGroupRuleId)}}
		if _, err := c.RevokeSecurityGroupIngress(ctx, revoke); err != nil {
			return err
		}
		everybody := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: r.FromPort, ToPort: r.ToPort, IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}
		_, err := c.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: r.GroupId, IpPermissions: []types.IpPermission{everybody}})
		return err
	}
	return errors.New("there is no rule for the database yet")
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
