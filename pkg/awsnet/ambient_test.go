package awsnet

import (
	"net/http/httptest"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/netstate"
	"github.com/peerd/peerd/pkg/plan"
)

// Endpoint, region and credentials come from the SDK's own environment, and nothing else is needed.
func TestAmbientSettings(t *testing.T) {
	s, err := ec2sim.New(ec2sim.Config{World: []byte(worldFile)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	defer server.Close()
	id, secret := ec2sim.AccessKey(string(ops))
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_MAX_ATTEMPTS": "10",
	} {
		t.Setenv(name, value)
	}
	b := &bench{Target: New(Config{}), sim: s}
	b.see(t, lookAt(hub, far))
	conn := b.peer(t, hub, far)
	b.must(t, bobEast, plan.TagConnection{Conn: conn, Side: netstate.AccepterSide, Tags: ourTags})
	diff(t, b.sent()["999999999999/eu-west-1 AssumeRole"], 1) // no region set: the account's first
	diff(t, b.sent()["999999999999/us-east-1 AssumeRole"], 1)

	o := b.observe(t, netstate.Look{
		Access: map[netstate.AccountID]netstate.Access{alice: {Account: alice, Profile: "no-such-profile"}},
		Scopes: map[netstate.Scope]netstate.ScopeLook{west: {}},
	})
	wantKind(t, o.Missing(west, netstate.ListConnections), netstate.Denied)
}
