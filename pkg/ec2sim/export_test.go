package ec2sim

import (
	"maps"
	"slices"
)

// Actions lists every action that a service models.
func Actions(service string) []string { return slices.Sorted(maps.Keys(services[service])) }
