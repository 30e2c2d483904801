package simtest

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/peerd/peerd/pkg/ec2sim"
)

// Edit is one EC2 call that somebody else makes by hand; PCX in a value stands for the newest connection.
type Edit struct {
	Action, Region, Account string
	Params                  map[string]string
}

// Make sends the call, signed, as any client would, and fails the test if EC2 refuses it. It returns the id of the connection in the
// reply, if there is one.
func (e Edit) Make(t *testing.T, sim *ec2sim.Sim) string {
	t.Helper()
	status, body := e.send(t, sim)
	if status != http.StatusOK {
		t.Fatalf("%s: %d: %s", e.Action, status, body)
	}
	var reply struct {
		ID string `xml:"vpcPeeringConnection>vpcPeeringConnectionId"`
	}
	if err := xml.Unmarshal(body, &reply); err != nil {
		t.Fatalf("%s: %v", e.Action, err)
	}
	return reply.ID
}

func (e Edit) send(t *testing.T, sim *ec2sim.Sim) (int, []byte) {
	t.Helper()
	form := url.Values{"Action": {e.Action}, "Version": {"2016-11-15"}}
	for k, v := range e.Params {
		form.Set(k, strings.ReplaceAll(v, "PCX", Newest(sim)))
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://ec2."+e.Region+".amazonaws.com/", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	id, secret := ec2sim.AccessKey(e.Account)
	if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, req, "UNSIGNED-PAYLOAD", "ec2", e.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := sim.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// Newest returns the id of the connection that was requested last, leaving out the one of World that was made by hand.
func Newest(sim *ec2sim.Sim) string {
	newest := ""
	var created time.Time
	w := sim.World()
	for _, l := range Lines(sim.Dump()) {
		f := strings.Fields(l)
		if len(f) < 3 || f[1] != "connection" || bytes.Contains(World, []byte(f[2])) {
			continue
		}
		if c, _ := w.Connection(f[2]); !c.Created.Before(created) {
			newest, created = f[2], c.Created
		}
	}
	return newest
}

// Do makes one EC2 call by hand, with its parameters as pairs of name and value, and fails the test if EC2 refuses it. It returns the id
// of the connection in the reply, if there is one.
func (r *Rig) Do(account, region, action string, params ...string) string {
	r.T.Helper()
	return edit(account, region, action, params).Make(r.T, r.Sim)
}

func edit(account, region, action string, params []string) Edit {
	e := Edit{Action: action, Region: region, Account: account, Params: map[string]string{}}
	for i := 0; i < len(params); i += 2 {
		e.Params[params[i]] = params[i+1]
	}
	return e
}

// Try is Do for a call that EC2 may refuse; it reports whether EC2 agreed.
func (r *Rig) Try(account, region, action string, params ...string) bool {
	r.T.Helper()
	status, _ := edit(account, region, action, params).send(r.T, r.Sim)
	return status == http.StatusOK
}
