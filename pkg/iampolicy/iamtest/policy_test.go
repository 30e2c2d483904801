package iamtest

import "testing"

func TestOperators(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-1"
	for name, tc := range map[string]struct {
		operator string
		have     []string
		values   []string
		want     bool
	}{
		"equal":                       {"StringEquals", []string{"a"}, []string{"b", "a"}, true},
		"not equal":                   {"StringEquals", []string{"a"}, []string{"A"}, false},
		"no wild cards":               {"StringEquals", []string{"ab"}, []string{"a*"}, false},
		"a dollar":                    {"StringEquals", []string{"${a}"}, []string{"${$}{a}"}, true},
		"absent":                      {"StringEquals", nil, []string{"a"}, false},
		"if exists, absent":           {"StringEqualsIfExists", nil, []string{"a"}, true},
		"if exists, another":          {"StringEqualsIfExists", []string{"b"}, []string{"a"}, false},
		"null":                        {"Null", nil, []string{"true"}, true},
		"null, there":                 {"Null", []string{"a"}, []string{"true"}, false},
		"all values":                  {"ForAllValues:StringEquals", []string{"a", "b"}, []string{"a", "b", "c"}, true},
		"all values but one":          {"ForAllValues:StringEquals", []string{"a", "d"}, []string{"a", "b", "c"}, false},
		"all of none":                 {"ForAllValues:StringEquals", nil, []string{"a"}, true},
		"arn":                         {"ArnLike", []string{arn}, []string{"arn:aws:ec2:*:111111111111:vpc/*"}, true},
		"arn, another account":        {"ArnLike", []string{arn}, []string{"arn:aws:ec2:*:222222222222:vpc/*"}, false},
		"arn, another partition":      {"ArnLike", []string{arn}, []string{"arn:aws-cn:ec2:*:111111111111:vpc/*"}, false},
		"arn, a star has one part":    {"ArnLike", []string{arn}, []string{"arn:aws:*:vpc/vpc-1"}, false},
		"arn, another id":             {"ArnLike", []string{arn}, []string{"arn:aws:ec2:*:111111111111:vpc/vpc-12"}, false},
		"arn, the beginning of an id": {"ArnLike", []string{arn + "2"}, []string{arn}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := holds(tc.operator, tc.have, tc.values); got != tc.want {
				t.Errorf("%s of %q with %q: %v", tc.operator, tc.have, tc.values, got)
			}
		})
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	s := Statement{Effect: "Allow", Action: []string{"sts:AssumeRole"}, Condition: map[string]map[string][]string{"StringEquals": {"sts:ExternalId": {"x"}}}}
	for principal, want := range map[string]bool{"arn:aws:iam::111111111111:user/peerd": true, "111111111111": true, "arn:aws:iam::111111111111:root": true, "arn:aws:iam::111111111111:user/other": false, "222222222222": false} {
		s.Principal.AWS = []string{principal}
		for id, right := range map[string]bool{"x": true, "y": false, "": false} {
			keys := map[string][]string{"sts:ExternalId": {id}}
			if id == "" {
				delete(keys, "sts:ExternalId")
			}
			if got := (Policy{[]Statement{s}}).trusts("arn:aws:iam::111111111111:user/peerd", keys); got != (want && right) {
				t.Errorf("%s with external id %q: %v", principal, id, got)
			}
		}
	}
}
