// Package preflight checks a plan, before anything is done, against what EC2 would refuse or what would surprise: quotas, counted at the
// peak of the change, and routes that take traffic from others or lose it to them. It must stay pure, and it never removes what lives.
// Read Check first.
package preflight
