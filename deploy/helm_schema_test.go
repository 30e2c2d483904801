package deploy

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// minimal is what the mistakes are added to.
const minimal = chart + "/ci/minimal-values.yaml"

// What is mistyped, misplaced or contradicts itself is refused before anything is installed, and the message says where or what to do.
func TestChartRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  []string // of helm's --set-json
		want string
	}{
		"a misspelt value":                       {[]string{`replica=2`}, "'replica' not allowed"},
		"a misspelt value further in":            {[]string{`spec.repo.ulr="https://git.example.com/x"`}, "/spec/repo': additional properties 'ulr' not allowed"},
		"a field of Kubernetes that is no value": {[]string{`affinity={}`}, "'affinity' not allowed"},
		"a number in quotes":                     {[]string{`replicas="2"`}, "/replicas': got string, want integer"},
		"three replicas":                         {[]string{`replicas=3`, `leaderElection.enabled=true`}, "/replicas': maximum"},
		"two replicas without election":          {[]string{`replicas=2`}, "needs leaderElection.enabled"},
		"a lease without election":               {[]string{`leaderElection.lease="x"`}, "leaderElection.lease without"},
		"yes for true":                           {[]string{`prune="yes"`}, "/prune': got string, want boolean"},
		"a time without a unit":                  {[]string{`interval="60"`}, "/interval': '60' does not match"},
		"more than EC2 allows":                   {[]string{`awsShare=2`}, "/awsShare': maximum"},
		"no image":                               {[]string{`image.repository=""`}, "/image/repository'"},
		"a tag in the repository":                {[]string{`image.repository="registry.example.com/peerd:1"`}, "/image/repository'"},
		"neither tag nor digest":                 {[]string{`image.tag=""`}, "image.tag or image.digest"},
		"a short digest":                         {[]string{`image.digest="sha256:abc"`}, "/image/digest'"},
		"no spec":                                {[]string{`spec.repo.url=""`}, "say where the spec is"},
		"two specs":                              {[]string{`spec.configMap="x"`}, "say where the spec is"},
		"a file that is not read":                {[]string{`spec.repo.url=""`, `spec.files={"a.txt":"x"}`}, "/spec/files': additional properties 'a.txt' not allowed"},
		"a password in the URL":                  {[]string{`spec.repo.url="https://u:geheim@git.example.com/x"`}, "neither a password nor a query"},
		"a token in the query":                   {[]string{`spec.repo.url="https://git.example.com/x?t=geheim"`}, "neither a password nor a query"},
		"plain http":                             {[]string{`spec.repo.url="http://git.example.com/x"`}, "/spec/repo/url'"},
		"ssh without a key":                      {[]string{`spec.repo.url="git@git.example.com:x"`}, "needs git.ssh.secret"},
		"an ssh key for https":                   {[]string{`git.ssh.secret="x"`}, "git.ssh is for"},
		"a token for ssh":                        {[]string{`spec.repo.url="ssh://git.example.com/x"`, `git.ssh.secret="x"`, `git.token.secret="y"`}, "git.token and git.ca are for"},
		"a secret instead of its name":           {[]string{`git.token="geheim"`}, "/git/token': got string, want object"},
		"signatures without keys":                {[]string{`verify.mode="ssh"`}, "verify.mode and verify.configMap go together"},
		"keys without signatures":                {[]string{`verify.configMap="x"`}, "verify.mode and verify.configMap go together"},
		"another kind of signature":              {[]string{`verify.mode="gpg"`}, "/verify/mode'"},
		"a webhook without a repository":         {[]string{`spec.repo.url=""`, `spec.configMap="x"`, `webhook.secret="y"`}, "are of a repository"},
		"two that write to one volume":           {[]string{`replicas=2`, `leaderElection.enabled=true`, `state.persistentVolumeClaim.enabled=true`}, "for a single replica"},
		"single passes that elect":               {[]string{`cronJob.enabled=true`, `leaderElection.enabled=true`}, "cronJob makes single passes"},
		"single passes that are scraped":         {[]string{`cronJob.enabled=true`, `metrics.serviceMonitor.enabled=true`}, "cronJob makes single passes"},
		"a schedule of four fields":              {[]string{`cronJob.schedule="* * * *"`}, "/cronJob/schedule'"},
		"no role's name":                         {[]string{`aws.roleArn="peerd-runner"`}, "/aws/roleArn'"},
		"a role for another's service account":   {[]string{`aws.roleArn="arn:aws:iam::111111111111:role/x"`, `serviceAccount.create=false`}, "serviceAccount.create is false"},
		"AWS keys in the environment":            {[]string{`env={"AWS_SECRET_ACCESS_KEY":"geheim"}`}, "no place for credentials"},
		"nobody, which would be everybody":       {[]string{`networkPolicy.metricsFrom=[]`}, "/networkPolicy/metricsFrom': minItems"},
		"a peer that is not one":                 {[]string{`networkPolicy.httpsTo=["10.0.0.0/8"]`}, "/networkPolicy/httpsTo/0'"},
		"a hole to everywhere":                   {[]string{`networkPolicy.extraEgress=[{}]`}, "/networkPolicy/extraEgress/0'"},
		"TLS settings without TLS":               {[]string{`metrics.serviceMonitor.serverName="x"`}, "for scheme: https"},
		"a memory of words":                      {[]string{`resources.limits.memory="lots"`}, "/resources/limits/memory'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"template", "net", chart, "-f", minimal}
			for _, s := range c.set {
				args = append(args, "--set-json", s)
			}
			out, err := helm(t, args...)
			if err == nil {
				t.Fatalf("taken:\n%s", out)
			}
			_, said, _ := strings.Cut(err.Error(), "exit status 1")
			if !strings.Contains(said, c.want) {
				t.Errorf("got %s\nwant %q", said, c.want)
			}
		})
	}
}

// Nowhere does the schema let through what it does not know. Maps of free keys, such as labels, say what their values are; "global" is Helm's.
func TestChartSchemaIsClosed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(chart + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	open := openObjects("", schema)
	if len(open) != 1 || open[0] != "/properties/global" {
		t.Errorf("open: %q", open)
	}
}

// openObjects are the places of a schema that allow anything.
func openObjects(at string, v any) (open []string) {
	switch v := v.(type) {
	case map[string]any:
		if v["type"] == "object" {
			rest, said := v["additionalProperties"]
			values, isSchema := rest.(map[string]any)
			if !said || rest == true || isSchema && values["type"] == nil {
				open = append(open, at)
			}
		}
		for k, x := range v {
			open = append(open, openObjects(at+"/"+k, x)...)
		}
	case []any:
		for _, x := range v {
			open = append(open, openObjects(at, x)...)
		}
	}
	return open
}
