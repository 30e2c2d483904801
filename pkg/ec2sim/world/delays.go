package world

import "time"

// Delays say how long what AWS does "asynchronously" takes (EC2 Developer Guide, "Eventual consistency"). Zero is at once.
type Delays struct {
	Initiating       time.Duration `yaml:"initiating"`       // initiating-request → pending-acceptance or failed
	Visible          time.Duration `yaml:"visible"`          // pending at the requester's → seen at the accepter's; not within one scope
	VisibleRequester time.Duration `yaml:"visibleRequester"` // create answered → seen at the requester's
	Provisioning     time.Duration `yaml:"provisioning"`     // provisioning → active
	Deleting         time.Duration `yaml:"deleting"`         // deleting → deleted; AWS documents it between regions only
	Options          time.Duration `yaml:"options"`          // a DNS option set → read back
	References       time.Duration `yaml:"references"`       // active → the peer's security groups may be named
	Associating      time.Duration `yaml:"associating"`      // associating → associated, of a VPC's CIDR
	Routes           time.Duration `yaml:"routes"`           // a route created → listed
}

// DefaultDelays are of the size that people see in real accounts.
func DefaultDelays() Delays {
	return Delays{
		Initiating: time.Second, Visible: 2 * time.Second, VisibleRequester: 0,
		Provisioning: 2 * time.Second, Deleting: 5 * time.Second,
		Options: time.Second, References: 5 * time.Second, Associating: time.Second, Routes: 0,
	}
}
