package world

// Quotas are the limits of one account (VPC User Guide, "Amazon VPC quotas"). Zero is no limit.
type Quotas struct {
	Peerings    int `yaml:"peerings"`    // active, per VPC
	Outstanding int `yaml:"outstanding"` // requests made and not yet answered, per account and region
	Tables      int `yaml:"tables"`      // per VPC
	Routes      int `yaml:"routes"`      // per table and family, not propagated
	Rules       int `yaml:"rules"`       // per group, direction and family
	Groups      int `yaml:"groups"`      // per region
	VPCs        int `yaml:"vpcs"`        // per region
	Subnets     int `yaml:"subnets"`     // per VPC
	CIDRs       int `yaml:"cidrs"`       // per VPC and family
	ACLs        int `yaml:"acls"`        // per VPC
	ACLEntries  int `yaml:"aclEntries"`  // per ACL and direction
	Gateways    int `yaml:"gateways"`    // per region
	Lists       int `yaml:"lists"`       // customer-managed prefix lists per region
	Tags        int `yaml:"tags"`        // per resource
}

// DefaultQuotas are what a new account has, routes per table as since June 2025.
func DefaultQuotas() Quotas {
	return Quotas{
		Peerings: 50, Outstanding: 25, Tables: 200, Routes: 500, Rules: 60, Groups: 2500, VPCs: 5, Subnets: 200, CIDRs: 5,
		ACLs: 200, ACLEntries: 20, Gateways: 5, Lists: 100, Tags: 50,
	}
}

// Quota is what an account may have.
func (w *World) Quota(account string) Quotas {
	if q, ok := w.Raised[account]; ok {
		return q
	}
	return w.Quotas
}

// full says whether one more would be over the limit.
func full(have, limit int) bool { return limit > 0 && have+1 > limit }
