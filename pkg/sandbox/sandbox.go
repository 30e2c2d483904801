// Package sandbox turns a spec into a simulated AWS that has what the spec takes for granted: its VPCs, route tables, subnets and groups.
// It must not know the reconciler. Read world.go for what is made of what.
package sandbox

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/ec2sim/world"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/spec"
)

// Box is a simulated AWS in this process.
type Box struct {
	Sim *ec2sim.Sim
}

// delays let a person see the states that a connection goes through, and no more.
var delays = world.Delays{Initiating: 150 * time.Millisecond, Visible: 250 * time.Millisecond, Provisioning: 300 * time.Millisecond}

// New makes the world of a spec. An error says what of all that the spec takes for granted cannot be had in one world.
func New(s *spec.Set) (*Box, error) {
	w, err := worldOf(s)
	if err != nil {
		return nil, err
	}
	file, err := json.Marshal(w) // JSON is YAML
	if err != nil {
		return nil, err
	}
	sim, err := ec2sim.New(ec2sim.Config{World: file, Delays: delays})
	if err != nil {
		return nil, err
	}
	return &Box{sim}, nil
}

// HTTPClient returns a client whose every request the simulator answers, in this process.
func (b *Box) HTTPClient() *http.Client { return &http.Client{Transport: b.Sim} }

// Source returns credentials that belong to the account, whatever profile or role the spec names: in the sandbox every one exists. They
// come without a region, so that roles are asked for in the partition of the account's own.
func (b *Box) Source(_ context.Context, a netstate.Access) (aws.Config, error) {
	id, secret := ec2sim.AccessKey(string(a.Account))
	return aws.Config{Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""), HTTPClient: b.HTTPClient()}, nil
}
