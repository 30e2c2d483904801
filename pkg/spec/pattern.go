package spec

import "regexp"

// The texts of a spec as regular expressions, in the part of the syntax that Go and ECMAScript share: parsers use some of them, the JSON
// Schema all.
const (
	accountPattern = `^[0-9]{12}$`
	regionPattern  = `^[a-z]{2}(-[a-z]+){1,3}-[0-9]{1,2}$`
	namePattern    = `^[a-z0-9]([a-z0-9._]|-[a-z0-9._])*-?$` // a hyphen is never followed by another
	linkPattern    = `^[a-z0-9][a-z0-9._/-]*$`
	ownerPattern   = `^[A-Za-z0-9][A-Za-z0-9._:/@+=-]*$`
	idSuffix       = `-([0-9a-f]{8}|[0-9a-f]{17})$`
	rolePattern    = `^(arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:role/)?([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}$`
	externPattern  = `^[A-Za-z0-9_+=,.@:/-]+$`
	wordPattern    = `^[^\t\n\f\r ]+$`
	textPattern    = `^[A-Za-z0-9. _\-:/()#,@\[\]+=&;{}!$*]*$`
)

// Those that only the JSON Schema uses, because the parsers say more precisely what is wrong.
const (
	controls      = `\x00-\x1f\x7f-\x9f`
	printPattern  = `^[^` + controls + `]*$`
	reasonPattern = `^[^` + controls + `]*[^ ` + controls + `][^` + controls + `]*$`
	keptPattern   = `^([aA][wW][sS]|[pP][eE][eE][rR][dD]):` // keys of tags that are not a spec's to set

	countPattern    = `^\+?0*([1-9][0-9]{0,5}|1000000)$`
	octet           = `(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])`
	cidr4           = octet + `(\.` + octet + `){3}/(3[0-2]|[12]?[0-9])`
	cidr6           = `[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*/(12[0-8]|1[01][0-9]|[1-9]?[0-9])`
	cidrPattern     = `^(` + cidr4 + `|` + cidr6 + `)$`
	cidrOfAll       = `/0$`
	port            = `[ \t]*0*(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[0-9]{1,4})[ \t]*`
	portsPattern    = `^` + port + `(-` + port + `)?$`
	icmpPattern     = `^(-0*[01]|\+?0*` + octet + `)$`
	protocolPattern = `^(tcp|udp|icmp|icmpv6|all|-1|` + octet + `)$`
	sessionPattern  = `^\+?([0-9.]+(ns|us|µs|μs|ms|s|m|h))+$`
	timePattern     = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{1,2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$`

	// wrongGroupPattern is what begins like a security group's id and is none: no group's name begins so.
	wrongGroupPattern = `^sg-([0-9a-f]{0,7}|[0-9a-f]{9,16}|[0-9a-f]{18,}|.*[^0-9a-f].*)$`
)

var (
	nameRegexp    = regexp.MustCompile(namePattern)
	linkRegexp    = regexp.MustCompile(linkPattern)
	ownerRegexp   = regexp.MustCompile(ownerPattern)
	accountRegexp = regexp.MustCompile(accountPattern)
	regionRegexp  = regexp.MustCompile(regionPattern)
	zoneRegexp    = regexp.MustCompile(`^([a-z]{2}(?:-[a-z]+){1,3}-[0-9]{1,2})[a-z]$`)
	textRegexp    = regexp.MustCompile(textPattern)
	externRegexp  = regexp.MustCompile(externPattern)
	hexRegexp     = regexp.MustCompile(`^([0-9a-f]{8}|[0-9a-f]{17})$`)
)
