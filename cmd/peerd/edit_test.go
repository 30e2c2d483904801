package main

import (
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

// edit is one call that somebody else makes; PCX in a value stands for the newest connection.
type edit struct {
	action, region, account string
	params                  map[string]string
}

// make sends the call, signed, as any client would.
func (e edit) make(t *testing.T, sim *ec2sim.Sim) {
	t.Helper()
	form := url.Values{"Action": {e.action}, "Version": {"2016-11-15"}}
	for k, v := range e.params {
		form.Set(k, strings.ReplaceAll(v, "PCX", newest(sim)))
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://ec2."+e.region+".amazonaws.com/", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	id, secret := ec2sim.AccessKey(e.account)
	if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, req, "UNSIGNED-PAYLOAD", "ec2", e.region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := sim.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d: %s", e.action, resp.StatusCode, body)
	}
}

// newest returns the id of the connection that was requested last.
func newest(sim *ec2sim.Sim) string {
	id := ""
	for _, l := range lines(sim.Dump()) {
		if f := strings.Fields(l); len(f) > 2 && f[1] == "connection" && f[2] != "pcx-0000000000000dead" {
			id = f[2]
		}
	}
	return id
}
