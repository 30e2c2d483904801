package spec

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/peerd/peerd/pkg/netstate"
)

// maxCount is above every quota that EC2 has.
const maxCount = 1_000_000

// parseName reads the name of an account, VPC, mesh or hub. Two hyphens are refused because a mesh labels its peerings A--B.
func parseName(s string) (any, error) {
	switch {
	case len(s) > 63:
		return nil, fmt.Errorf("the name %s has %d characters: at most 63 are possible", quote(s), len(s))
	case strings.Contains(s, "--"):
		return nil, fmt.Errorf("the name %s holds \"--\", which separates the two names in a mesh's labels: use one hyphen", quote(s))
	case !nameRegexp.MatchString(s):
		return nil, fmt.Errorf("the name %s is not possible: use a-z, 0-9, \".\", \"_\" and \"-\", a letter or digit first%s", quote(s), lowerHint(s, nameRegexp))
	}
	return s, nil
}

func parseLink(s string) (any, error) {
	switch {
	case len(s) > 200:
		return nil, fmt.Errorf("the name %s has %d characters: at most 200 are possible", quote(s), len(s))
	case !linkRegexp.MatchString(s):
		return nil, fmt.Errorf("the name %s is not possible: use a-z, 0-9, \".\", \"_\", \"-\" and \"/\", a letter or digit first%s", quote(s), lowerHint(s, linkRegexp))
	}
	return netstate.Link(s), nil
}

func lowerHint(s string, r *regexp.Regexp) string {
	if low := strings.ToLower(s); r.MatchString(low) {
		return ": did you mean " + low + "?"
	}
	return ""
}

func parseOwner(s string) (any, error) {
	switch {
	case netstate.OwnerID(s) == netstate.Released:
		return nil, fmt.Errorf("the owner %q is what the tag says of things taken out of peerd's hands: choose another name", s)
	case len(s) > 128 || !ownerRegexp.MatchString(s):
		return nil, fmt.Errorf("the owner %s cannot be a tag's value here: use letters, digits and ._:/@+=-, a letter or digit first, at most 128", quote(s))
	}
	return netstate.OwnerID(s), nil
}

func parseVersion(s string) (any, error) {
	if s != apiVersion {
		return nil, fmt.Errorf("%s is not a version this peerd reads: write %s", quote(s), apiVersion)
	}
	return s, nil
}

func parseAccount(s string) (any, error) {
	if !accountRegexp.MatchString(s) {
		return nil, fmt.Errorf("%s is not an account id: 12 digits, such as \"012345678901\"%s", quote(s), digitsHint(s))
	}
	return netstate.AccountID(s), nil
}

// digitsHint shows the id that was meant when it is written in groups, or tells how many digits there are.
func digitsHint(s string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	switch {
	case len(digits) == 12:
		return ", did you mean \"" + digits + "\"?"
	case len(digits) == len(s):
		return fmt.Sprintf("; this has %d", len(s))
	}
	return ""
}

func parseRegion(s string) (any, error) {
	if regionRegexp.MatchString(s) {
		return netstate.Region(s), nil
	}
	if zone := zoneRegexp.FindStringSubmatch(s); zone != nil {
		return nil, fmt.Errorf("%s is an availability zone: the region is %s", s, zone[1])
	}
	return nil, fmt.Errorf("%s is not a region's name, such as eu-west-1%s", quote(s), didYouMean(strings.ToLower(s), wellKnownRegions))
}

// wellKnownRegions are for suggestions only: a region that is not among them may well exist.
var wellKnownRegions = strings.Fields(`af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2
	ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ca-central-1 ca-west-1 cn-north-1 cn-northwest-1 eu-central-1
	eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1
	sa-east-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-west-1 us-west-2`)

// parseID reads an id such as vpc-0a1b2c3d4e5f60001: EC2 gives out 8 or 17 hexadecimal digits.
func parseID[T ~string](prefix, of string) func(string) (any, error) {
	return func(s string) (any, error) {
		hex, ok := strings.CutPrefix(s, prefix+"-")
		switch {
		case !ok:
			return nil, fmt.Errorf("%s is not the id of a %s: it begins with %s-", quote(s), of, prefix)
		case !hexRegexp.MatchString(hex):
			return nil, fmt.Errorf("%s is not the id of a %s: after %s- come 8 or 17 of 0-9 and a-f, here are %d%s", quote(s), of, prefix, len(hex), hexHint(hex))
		}
		return T(s), nil
	}
}

func hexHint(hex string) string {
	i := strings.IndexFunc(hex, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) })
	if i < 0 {
		return ""
	}
	r, _ := utf8.DecodeRuneInString(hex[i:])
	return fmt.Sprintf(" with %q among them", r)
}

// parseMatch accepts what a regular expression does.
func parseMatch(pattern, message string) func(string) (any, error) {
	r := regexp.MustCompile(pattern)
	return func(s string) (any, error) {
		if !r.MatchString(s) {
			return nil, fmt.Errorf("%s %s", quote(s), message)
		}
		return s, nil
	}
}

// parseExternal reads an external id (STS API reference, AssumeRole).
func parseExternal(s string) (any, error) {
	if len(s) < 2 || len(s) > 1224 || !externRegexp.MatchString(s) {
		return nil, fmt.Errorf("%s is not an external id: 2 to 1224 of letters, digits and _+=,.@:/-", quote(s))
	}
	return s, nil
}

// parseCount reads a whole number of at least 1.
func parseCount(s string) (any, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxCount {
		return nil, fmt.Errorf("%s is not a whole number of at least 1", quote(s))
	}
	return n, nil
}

// parseSession reads how long an assumed role's session lasts; STS allows 15 minutes to 12 hours.
func parseSession(s string) (any, error) {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is not a duration, such as 15m or 1h", quote(s))
	case d < 15*time.Minute || d > 12*time.Hour:
		return nil, fmt.Errorf("%s is not possible: STS gives sessions of 15m to 12h", s)
	}
	return d, nil
}

func parseTime(s string) (any, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return nil, fmt.Errorf("%s is not a time with date and zone, such as 2026-12-01T00:00:00Z", quote(s))
	}
	return t.UTC(), nil
}

// parseReason reads a line for people, which is also kept in tags and metrics.
func parseReason(s string) (any, error) {
	switch {
	case strings.TrimSpace(s) == "":
		return nil, fmt.Errorf("is blank: say why, or which ticket")
	case utf8.RuneCountInString(s) > 200 || strings.ContainsFunc(s, unicode.IsControl):
		return nil, fmt.Errorf("must be one line of at most 200 characters")
	}
	return s, nil
}

// parseDescription checks a rule's description against what EC2 stores (EC2 API reference, IpRange).
func parseDescription(s string) (any, error) {
	if n := utf8.RuneCountInString(s); n > 255 {
		return nil, fmt.Errorf("the description has %d characters: EC2 keeps at most 255", n)
	}
	for _, r := range s {
		if !textRegexp.MatchString(string(r)) {
			return nil, fmt.Errorf("the description holds %q, which EC2 refuses: use a-z, A-Z, 0-9, spaces and ._-:/()#,@[]+=&;{}!$*", r)
		}
	}
	return s, nil
}
