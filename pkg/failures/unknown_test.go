package failures_test

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/peerd/peerd/pkg/ec2sim"
	"github.com/peerd/peerd/pkg/failures"
	"github.com/peerd/peerd/pkg/reconcile"
	"github.com/peerd/peerd/pkg/simtest"
)

// spoil lets replies to an action pass through an edit, and returns how many it changed.
func spoil(r *simtest.Rig, action string, edit func([]byte) []byte) *atomic.Int64 {
	s := &spoiler{RoundTripper: r.Sim, root: []byte("<" + action + "Response"), edit: edit}
	r.Via = s
	return &s.changed
}

type spoiler struct {
	http.RoundTripper
	root    []byte
	edit    func([]byte) []byte
	changed atomic.Int64
}

func (s *spoiler) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(body, s.root) {
		edited := s.edit(bytes.Clone(body))
		if !bytes.Equal(edited, body) {
			s.changed.Add(1)
		}
		body = edited
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

const twoOfNetwork = `
apiVersion: peerd/v1
owner: acme
accounts:
  network: {id: "111111111111", role: peerd, externalId: acme-7f3}
vpcs:
  hub: {account: network, region: eu-west-1, id: vpc-0000000000000a001}
  tools: {account: network, region: eu-west-1, id: vpc-0000000000000a002}
  east: {account: network, region: us-east-1, id: vpc-0000000000000a101}
peerings:
  - name: hub-tools
    requester: {vpc: hub, routes: {tables: main, to: [10.1.0.0/16, 10.1.7.0/24], onConflict: replace}, rules: [{group: app, protocol: tcp, ports: 8443, peer: [10.1.0.0/16]}]}
    accepter: {vpc: tools}
`

const toolsEast = "  - {name: tools-east, requester: {vpc: tools}, accepter: {vpc: east}}\n"

// What EC2 may say one day and this peerd does not know is foreign: it is reported, and neither changed nor removed, whatever is allowed.
func TestF32NotKnown(t *testing.T) {
	t.Parallel()
	replaced := func(pattern, with string) func([]byte) []byte {
		p := regexp.MustCompile(pattern)
		return func(body []byte) []byte { return p.ReplaceAll(body, []byte(with)) }
	}
	connection := "DescribeVpcPeeringConnections"
	// status puts a connection, which is an item that ends with its id, into a state.
	status := func(peering string) func(*simtest.Rig) func([]byte) []byte {
		return func(r *simtest.Rig) func([]byte) []byte {
			pcx := id(wantOne(r.T, "the connection", facts(r, "111111111111/eu-west-1 connection ", `"peerd:peering":"`+peering+`"`)), 2)
			return func(body []byte) []byte {
				parts := strings.Split(string(body), "<vpcPeeringConnectionId>")
				for i := 1; i < len(parts); i++ {
					if strings.HasPrefix(parts[i], pcx) {
						parts[i] = strings.Replace(parts[i], "<code>active</code>", "<code>verifying</code>", 1)
					}
				}
				return []byte(strings.Join(parts, "<vpcPeeringConnectionId>"))
			}
		}
	}
	always := func(edit func([]byte) []byte) func(*simtest.Rig) func([]byte) []byte {
		return func(*simtest.Rig) func([]byte) []byte { return edit }
	}
	route := `(<destinationCidrBlock>10\.1\.7\.0/24</destinationCidrBlock>)<vpcPeeringConnectionId>[^<]*</vpcPeeringConnectionId><state>\w+</state><origin>CreateRoute</origin>`
	narrow := []string{"[10.1.0.0/16, 10.1.7.0/24]", "[10.1.0.0/16]"}
	for name, c := range map[string]struct {
		action string
		edit   func(*simtest.Rig) func([]byte) []byte
		spec   []string // changes of the spec
		exit   int
		says   string
	}{
		"status of a peering's connection": {connection, status("hub-tools"), nil, reconcile.ExitAttention, `connection-unknown: pcx-`},
		"status of a leftover":             {connection, status("tools-east"), nil, reconcile.ExitAttention, `its state "verifying" is one that this peerd does not know`},
		"origin of a wanted route":         {"DescribeRouteTables", always(replaced(route, "${1}<vpcPeeringConnectionId>pcx-0000000000000dead</vpcPeeringConnectionId><state>active</state><origin>Entangled</origin>")), nil, reconcile.ExitAttention, "it was made by Entangled"},
		"origin of a dead wanted route":    {"DescribeRouteTables", always(replaced(route, "${1}<vpcPeeringConnectionId>pcx-00000000000000bad</vpcPeeringConnectionId><state>blackhole</state><origin>Entangled</origin>")), nil, reconcile.ExitAttention, "it was made by Entangled"},
		"target of a wanted route":         {"DescribeRouteTables", always(replaced(route, "${1}<quantumGatewayId>qgw-1</quantumGatewayId><state>active</state><origin>CreateRoute</origin>")), nil, reconcile.ExitAttention, "of a kind which this peerd does not know"},
		"target of a dead wanted route":    {"DescribeRouteTables", always(replaced(route, "${1}<quantumGatewayId>qgw-1</quantumGatewayId><state>blackhole</state><origin>CreateRoute</origin>")), nil, reconcile.ExitAttention, "of a kind which this peerd does not know"},
		"origin of a route nobody wants":   {"DescribeRouteTables", always(replaced(`(<destinationCidrBlock>10\.1\.7\.0/24</destinationCidrBlock>.*?<origin>)CreateRoute`, "${1}Entangled")), narrow, reconcile.ExitInSync, ""},
		"peer of a rule that nobody wants": {"DescribeSecurityGroupRules", always(replaced(`<cidrIpv4>10\.1\.0\.0/16</cidrIpv4>`, "<particle>muon</particle>")), []string{", rules: [{group: app, protocol: tcp, ports: 8443, peer: [10.1.0.0/16]}]", ""}, reconcile.ExitInSync, ""},
	} {
		inBubble(t, name, func(t *testing.T) {
			r := simtest.New(t, ec2sim.Config{}, twoOfNetwork+toolsEast)
			applied(t, r)
			if name != "status of a leftover" {
				r.Spec = simtest.LoadSpec(t, twoOfNetwork)
				rest, _ := r.Prune(100)
				simtest.MustExit(t, "without the leftover", rest, reconcile.ExitInSync)
			}
			r.Spec = simtest.LoadSpec(t, twoOfNetwork, c.spec...)
			before := r.Sim.Dump()
			changed := spoil(r, c.action, c.edit(r))
			pass, calls := r.Prune(100)
			simtest.MustExit(t, "the pass", pass, c.exit)
			simtest.WantActions(t, nil, calls)
			mustSay(t, pass, c.says)
			wantNone(t, "changed", append(gained(r, before), lost(r, before)...))
			failures.Shown(t, 32, changed.Load() > 0, "something that is not known")
		})
	}
}
