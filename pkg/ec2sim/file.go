package ec2sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/peerd/peerd/pkg/ec2sim/world"
)

// file is a world file. Everything that has an id may have it written down; otherwise it is derived from the name.
type file struct {
	Switches    world.Switches   `yaml:"switches"`
	Delays      world.Delays     `yaml:"delays"`
	Quotas      world.Quotas     `yaml:"quotas"` // zero: the default; -1: none
	Accounts    []accountSpec    `yaml:"accounts"`
	Connections []connectionSpec `yaml:"connections"`
}

type accountSpec struct {
	ID      string                `yaml:"id"`
	Roles   []roleSpec            `yaml:"roles"` // absent: any role
	Quotas  world.Quotas          `yaml:"quotas"`
	Regions map[string]regionSpec `yaml:"regions"`
}

type roleSpec struct {
	Name       string        `yaml:"name"`
	ExternalID string        `yaml:"externalId"`
	Trust      []string      `yaml:"trust"`      // accounts, or ARNs of users and roles, that may assume it; absent: any
	MaxSession time.Duration `yaml:"maxSession"` // default 12h
}

type regionSpec struct {
	VPCs        []vpcSpec        `yaml:"vpcs"`
	PrefixLists []listSpec       `yaml:"prefixLists"`
	Targets     []string         `yaml:"targets"` // ids of NAT gateways and the like, which exist but do nothing
	Connections []connectionSpec `yaml:"connections"`
}

type vpcSpec struct {
	ID      string   `yaml:"id"`
	Name    string   `yaml:"name"`
	CIDRs   []string `yaml:"cidrs"`
	IPv6    texts    `yaml:"ipv6"` // one or several
	Default bool     `yaml:"default"`
	DNS     struct {
		Support   *bool `yaml:"support"` // default true
		Hostnames bool  `yaml:"hostnames"`
	} `yaml:"dns"`
	Tags       world.Tags       `yaml:"tags"`
	Encryption world.Encryption `yaml:"encryption"`
	SharedWith []string         `yaml:"sharedWith"` // accounts; those that have groups in it are included
	Subnets    []subnetSpec     `yaml:"subnets"`
	Tables     []tableSpec      `yaml:"tables"`
	Groups     []groupSpec      `yaml:"groups"`
	ACLs       []aclSpec        `yaml:"acls"`
	Interfaces []interfaceSpec  `yaml:"interfaces"`
}

type subnetSpec struct {
	ID    string     `yaml:"id"`
	Name  string     `yaml:"name"`
	CIDR  string     `yaml:"cidr"`
	IPv6  string     `yaml:"ipv6"`
	AZ    string     `yaml:"az"`
	Table string     `yaml:"table"` // absent: the main one
	Tags  world.Tags `yaml:"tags"`
}

type interfaceSpec struct {
	ID       string     `yaml:"id"`
	Name     string     `yaml:"name"`
	Subnet   string     `yaml:"subnet"`
	Address  string     `yaml:"address"`
	IPv6     string     `yaml:"ipv6"`
	Groups   []string   `yaml:"groups"`
	Instance string     `yaml:"instance"` // absent: not attached
	Index    int        `yaml:"index"`    // of the device on the instance
	Tags     world.Tags `yaml:"tags"`
}

type tableSpec struct {
	ID      string      `yaml:"id"`
	Name    string      `yaml:"name"`
	Main    bool        `yaml:"main"`
	Gateway bool        `yaml:"gateway"` // used by the VPC's internet gateway: an edge table
	Tags    world.Tags  `yaml:"tags"`
	Routes  []routeSpec `yaml:"routes"`
}

type routeSpec struct {
	To     string `yaml:"to"`
	Via    string `yaml:"via"`    // igw, the name of a connection, any id, or the ARN of a core network
	Origin string `yaml:"origin"` // default CreateRoute
	State  string `yaml:"state"`  // absent: worked out at every read
}

type groupSpec struct {
	ID          string     `yaml:"id"`
	Name        string     `yaml:"name"`
	Account     string     `yaml:"account"` // a participant's, with whom the VPC is shared; absent: the VPC's
	Description string     `yaml:"description"`
	Tags        world.Tags `yaml:"tags"`
	Rules       []ruleSpec `yaml:"rules"` // a group with no egress rule here lets everything out, as a new one does
}

type ruleSpec struct {
	ID          string     `yaml:"id"`
	Direction   string     `yaml:"direction"`
	Protocol    string     `yaml:"protocol"` // absent: -1
	Ports       string     `yaml:"ports"`    // 22, 22-25; for ICMP type/code; absent: all
	From        string     `yaml:"from"`     // CIDR, prefix list, group id or name, or account/group
	To          string     `yaml:"to"`
	Description string     `yaml:"description"`
	Tags        world.Tags `yaml:"tags"`
}

type aclSpec struct {
	ID      string      `yaml:"id"`
	Name    string      `yaml:"name"`
	Default bool        `yaml:"default"`
	Tags    world.Tags  `yaml:"tags"`
	Subnets []string    `yaml:"subnets"`
	Entries []entrySpec `yaml:"entries"`
}

type entrySpec struct {
	Number    int    `yaml:"number"`
	Direction string `yaml:"direction"`
	Protocol  string `yaml:"protocol"`
	Action    string `yaml:"action"`
	CIDR      string `yaml:"cidr"`
	Ports     string `yaml:"ports"`
}

type listSpec struct {
	ID      string      `yaml:"id"`
	Name    string      `yaml:"name"`
	Owner   string      `yaml:"owner"`  // absent: the account; AWS for its own lists
	Family  string      `yaml:"family"` // absent: IPv4
	Max     int         `yaml:"max"`    // absent: as many as there are entries
	Entries []entryText `yaml:"entries"`
	Tags    world.Tags  `yaml:"tags"`
}

type entryText struct {
	CIDR        string `yaml:"cidr"`
	Description string `yaml:"description"`
}

type connectionSpec struct {
	ID           string       `yaml:"id"`
	Name         string       `yaml:"name"`
	Requester    endSpec      `yaml:"requester"`
	Accepter     endSpec      `yaml:"accepter"`
	Status       world.Status `yaml:"status"` // absent: active
	Message      string       `yaml:"message"`
	DeletedBy    string       `yaml:"deletedBy"` // absent: the requester
	Tags         world.Tags   `yaml:"tags"`
	AccepterTags world.Tags   `yaml:"accepterTags"`
	DNS          struct {
		Requester bool `yaml:"requester"`
		Accepter  bool `yaml:"accepter"`
	} `yaml:"dns"`
}

type endSpec struct {
	Account string `yaml:"account"` // absent: the account it is written under
	Region  string `yaml:"region"`  // likewise
	VPC     string `yaml:"vpc"`     // id or name
}

// texts is a list that may also be written as one string.
type texts []string

// UnmarshalYAML accepts both forms.
func (t *texts) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*t = texts{n.Value}
		return nil
	}
	return n.Decode((*[]string)(t))
}

// parse reads a world file into f, which holds what is to be kept where the file is silent. A key that means nothing is an
// error: a misspelt one would otherwise make another world than was meant.
func parse(text []byte, f *file) error {
	var tree yaml.Node
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return err
	}
	if err := plain(&tree); err != nil {
		return err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(f); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := d.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return errors.New("only one document is allowed")
	}
	return nil
}

// plain refuses what the decoder does not survive or would expand without end: merges, aliases and keys that are no words.
func plain(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return fmt.Errorf("line %d: anchors and aliases are not allowed", n.Line)
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && (c.Kind != yaml.ScalarNode || c.Tag == "!!merge") {
			return fmt.Errorf("line %d: a key must be a plain word", c.Line)
		}
		if err := plain(c); err != nil {
			return err
		}
	}
	return nil
}
