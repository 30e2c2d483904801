package wire

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Signature is what the Authorization header of a SigV4 request says about its sender. The simulator has one address for
// all regions and both services, so the scope is the only place that names them.
type Signature struct {
	AccessKey, Region, Service, Token string
	Signed                            time.Time
}

var (
	regionForm = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
	hexForm    = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// IsRegion says whether a name has the form of a region's.
func IsRegion(name string) bool { return regionForm.MatchString(name) }

// ParseSignature reads and checks the structure of a signature. It proves nothing: the simulator keeps no secrets.
func ParseSignature(h http.Header) (Signature, *Error) {
	auth := h.Get("Authorization")
	if auth == "" {
		return Signature{}, &Error{"MissingAuthenticationToken", "Request is missing Authentication Token"}
	}
	rest, ok := strings.CutPrefix(auth, "AWS4-HMAC-SHA256 ")
	parts := map[string]string{}
	for _, field := range strings.Split(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(field), "=")
		parts[k] = v
	}
	scope := strings.Split(parts["Credential"], "/")
	if !ok || len(scope) != 5 || scope[4] != "aws4_request" || !hexForm.MatchString(parts["Signature"]) {
		return Signature{}, &Error{"IncompleteSignature", "The Authorization header is not a complete AWS4-HMAC-SHA256 signature"}
	}
	sig := Signature{AccessKey: scope[0], Region: scope[2], Service: scope[3], Token: h.Get("X-Amz-Security-Token")}
	return sig, sig.check(h, scope[1], parts["SignedHeaders"])
}

func (s *Signature) check(h http.Header, day, signed string) *Error {
	when, err := time.Parse("20060102T150405Z", h.Get("X-Amz-Date"))
	if err != nil || when.Format("20060102") != day {
		return &Error{"IncompleteSignature", "Date in Credential scope does not match X-Amz-Date"}
	}
	s.Signed = when
	names := strings.Split(signed, ";")
	for _, must := range []string{"host", "x-amz-date"} {
		if !slices.Contains(names, must) {
			return &Error{"SignatureDoesNotMatch", "'" + must + "' must be a signed header"}
		}
	}
	if s.Token != "" && !slices.Contains(names, "x-amz-security-token") {
		return &Error{"SignatureDoesNotMatch", "'x-amz-security-token' must be a signed header"}
	}
	if !IsRegion(s.Region) {
		return &Error{"SignatureDoesNotMatch", "Credential should be scoped to a valid region."}
	}
	return nil
}
