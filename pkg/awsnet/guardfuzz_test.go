package awsnet

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// FuzzCheckReply holds the guard against a parser of its own: what it lets pass, and the SDK takes for a reply, is one whole document whose
// root is that of the action. It finds nothing whole in what is cut off, goes on, or answers another action.
func FuzzCheckReply(f *testing.F) {
	const item = "<item><vpcId>vpc-1</vpcId><ownerId>111111111111</ownerId><tagSet><item><key>Name</key><value>&lt;a&gt;</value></item></tagSet></item>"
	for _, body := range []string{
		`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><vpcSet>` + item + item + `</vpcSet></DescribeVpcsResponse>`,
		"\xef\xbb\xbf<!-- a --><DescribeVpcsResponse></DescribeVpcsResponse>\r\n ",
		`<!-- <DescribeVpcsResponse>`,
		`<DescribeVpcsResponse/>`,
		`<DescribeVpcsResponse><DescribeVpcsResponse></DescribeVpcsResponse>`,
		`<DescribeVpcsResponse><!-- </DescribeVpcsResponse>`,
		`<DescribeVpcsResponse><![CDATA[</DescribeVpcsResponse>`,
		`<DescribeVpcsResponse a="</DescribeVpcsResponse>`,
		`<DescribeVpcsResponse><vpcSet><item></vpcSet></DescribeVpcsResponse>`,
		`<DescribeVpcsResponse><nextToken>1</nextToken></DescribeVpcsResponse><DescribeVpcsResponse></DescribeVpcsResponse>`,
		`<DescribeVpcsResponse><!ELEMENT a <vpcSet><item/></vpcSet>></DescribeVpcsResponse>`,
		`<DescribeVpcsResponse><!-- a --><requestId><![CDATA[1]]></requestId></DescribeVpcsResponse>`,
		`<!DOCTYPE html><html><body>Please sign in</body></html>`,
		`<DescribeSubnetsResponse><subnetSet/></DescribeSubnetsResponse>`,
		`<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if code := replyCode(body); len(code) > 100 || !bytes.Contains(body, []byte(code)) {
			t.Errorf("code %q of %q", code, body)
		}
		if checkReply("DescribeVpcs", body) != nil {
			return
		}
		if checkReply("DescribeSubnets", body) == nil {
			t.Errorf("the reply of any action: %q", body)
		}
		if more := append(bytes.Clone(body), "<x/>"...); checkReply("DescribeVpcs", more) == nil {
			t.Errorf("what goes on passed: %q", more)
		}
		full := len(bytes.TrimRight(body, " \t\r\n"))
		for n := max(0, full-100); n < full; n++ {
			if checkReply("DescribeVpcs", body[:n]) == nil {
				t.Errorf("cut off after %d bytes it passed: %q", n, body)
			}
		}
		if err := decoded(t, body); err == nil && !whole("DescribeVpcsResponse", body) {
			t.Errorf("taken for a reply: %q", body)
		}
	})
}

// whole reports whether a body is a document of that root element, and nothing else.
func whole(root string, body []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(body))
	depth, roots := 0, 0
	for {
		token, err := d.Token()
		if err != nil {
			return errors.Is(err, io.EOF) && depth == 0 && roots == 1
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			if depth == 0 && token.Name.Local != root {
				return false
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && strings.Trim(string(token), "\ufeff \t\r\n") != "" {
				return false
			}
		case xml.Directive:
			return false
		}
	}
}

// decoded says what the SDK alone makes of a body.
func decoded(t *testing.T, body []byte) error {
	t.Helper()
	client := ec2.New(ec2.Options{Region: "eu-west-1", Retryer: aws.NopRetryer{}, Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
		HTTPClient: &http.Client{Transport: roundTrip(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })}})
	_, err := client.DescribeVpcs(t.Context(), nil)
	return err
}
