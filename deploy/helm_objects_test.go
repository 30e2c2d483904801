package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	admission "k8s.io/pod-security-admission/api"
	security "k8s.io/pod-security-admission/policy"
)

// forEachValues renders every values file.
func forEachValues(t *testing.T, test func(t *testing.T, objects []runtime.Object)) {
	t.Helper()
	for _, values := range valuesFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(values), "-values.yaml"), func(t *testing.T) {
			t.Parallel()
			test(t, render(t, values))
		})
	}
}

// Whatever selects pods selects those that are made, and nobody else's: a release beside this one has other labels.
func TestChartSelectsItsPods(t *testing.T) {
	t.Parallel()
	forEachValues(t, func(t *testing.T, objects []runtime.Object) {
		pod := labels.Set(podOf(t, objects).Labels)
		pod["helm.sh/chart"] = "peerd-0.0.1" // of the release before an upgrade
		other := labels.Set{"app.kubernetes.io/name": "peerd", "app.kubernetes.io/instance": "another"}
		check := func(what string, s labels.Selector, err error) {
			if err != nil || !s.Matches(pod) || s.Matches(other) {
				t.Errorf("%s selects by %q (%v), and the pods have %q", what, s, err, pod)
			}
		}
		ofLabels := func(what string, s *meta.LabelSelector) {
			selector, err := meta.LabelSelectorAsSelector(s)
			check(what, selector, err)
		}
		for _, d := range all[*apps.Deployment](objects) {
			ofLabels("the deployment", d.Spec.Selector)
		}
		for _, b := range all[*policy.PodDisruptionBudget](objects) {
			ofLabels("the disruption budget", b.Spec.Selector)
		}
		for _, n := range all[*networking.NetworkPolicy](objects) {
			ofLabels("the network policy", &n.Spec.PodSelector)
		}
		for _, s := range all[*core.Service](objects) {
			check("service "+s.Name, labels.SelectorFromSet(s.Spec.Selector), nil)
		}
		for _, s := range podOf(t, objects).Spec.TopologySpreadConstraints {
			ofLabels("the spread", s.LabelSelector)
		}
	})
}

// Each Service, probe, policy and monitor names a port that the container has, and peerd listens there.
func TestChartPorts(t *testing.T) {
	t.Parallel()
	listeners := map[string]string{"metrics": "--listen=", "webhook": "--webhook-listen=", "probes": "--probe-listen="}
	forEachValues(t, func(t *testing.T, objects []runtime.Object) {
		container := podOf(t, objects).Spec.Containers[0]
		has := map[string]bool{}
		for _, p := range container.Ports {
			has[p.Name] = true
			if want := fmt.Sprintf("%s:%d", listeners[p.Name], p.ContainerPort); !slices.Contains(container.Args, want) {
				t.Errorf("port %s: no %s in %q", p.Name, want, container.Args)
			}
		}
		served := map[string]bool{}
		for _, s := range all[*core.Service](objects) {
			for _, p := range s.Spec.Ports {
				served[p.Name] = true
				if !has[p.TargetPort.StrVal] {
					t.Errorf("service %s: no port %s", s.Name, p.TargetPort.String())
				}
			}
		}
		for _, p := range []*core.Probe{container.LivenessProbe, container.ReadinessProbe} {
			if p != nil && !has[p.HTTPGet.Port.StrVal] {
				t.Errorf("a probe: no port %s", p.HTTPGet.Port.String())
			}
		}
		for _, n := range all[*networking.NetworkPolicy](objects) {
			for _, rule := range n.Spec.Ingress {
				if name := rule.Ports[0].Port.StrVal; !has[name] || !served[name] {
					t.Errorf("the network policy lets in to %q, which no service serves", name)
				}
			}
		}
		for _, m := range all[*monitoring.ServiceMonitor](objects) {
			wantMonitored(t, m, all[*core.Service](objects))
		}
	})
}

// wantMonitored fails the test unless a monitor selects the one Service with its port, and names the job as the alerts do.
func wantMonitored(t *testing.T, m *monitoring.ServiceMonitor, services []*core.Service) {
	t.Helper()
	selector, err := meta.LabelSelectorAsSelector(&m.Spec.Selector)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, s := range services {
		if selector.Matches(labels.Set(s.Labels)) {
			found = append(found, s.Spec.Ports[0].Name)
			if s.Labels[m.Spec.JobLabel] != "peerd" {
				t.Errorf("the job is %q", s.Labels[m.Spec.JobLabel])
			}
		}
	}
	if diff := cmp.Diff([]string{m.Spec.Endpoints[0].Port}, found); diff != "" {
		t.Error(diff)
	}
}

// The pod may do as little as it can be let: no root, no capability, nothing to write to but its state, no token but for the election.
func TestChartConfinesThePod(t *testing.T) {
	t.Parallel()
	forEachValues(t, func(t *testing.T, objects []runtime.Object) {
		pod := podOf(t, objects).Spec
		c := pod.Containers[0]
		type confined struct {
			NonRoot, ReadOnly, Escalates, Token, Links bool
			User, Group, FSGroup                       int64
			Seccomp                                    core.SeccompProfileType
			Dropped                                    []core.Capability
		}
		got := confined{*pod.SecurityContext.RunAsNonRoot, *c.SecurityContext.ReadOnlyRootFilesystem, *c.SecurityContext.AllowPrivilegeEscalation,
			*pod.AutomountServiceAccountToken, *pod.EnableServiceLinks, *pod.SecurityContext.RunAsUser, *pod.SecurityContext.RunAsGroup,
			*pod.SecurityContext.FSGroup, pod.SecurityContext.SeccompProfile.Type, c.SecurityContext.Capabilities.Drop}
		elects := slices.Contains(c.Args, "--leader-elect")
		want := confined{NonRoot: true, ReadOnly: true, Token: elects, User: 65532, Group: 65532, FSGroup: 65532,
			Seccomp: core.SeccompProfileTypeRuntimeDefault, Dropped: []core.Capability{"ALL"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if len(c.SecurityContext.Capabilities.Add) > 0 || c.SecurityContext.Privileged != nil || pod.HostNetwork || pod.HostPID || c.Resources.Limits.Memory().IsZero() {
			t.Errorf("the pod may do more than it should, or take all memory: %+v", c.SecurityContext)
		}
		if roles := all[*rbac.Role](objects); (len(roles) > 0) != elects {
			t.Errorf("%d roles, and the election is %v", len(roles), elects)
		}
		for _, a := range all[*core.ServiceAccount](objects) {
			if *a.AutomountServiceAccountToken {
				t.Error("every pod of the service account would get a token")
			}
		}
	})
}

// A namespace that enforces the Pod Security Standard "restricted" takes the pod, by Kubernetes' own judgement.
func TestChartIsRestricted(t *testing.T) {
	t.Parallel()
	standard, err := security.NewEvaluator(security.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	forEachValues(t, func(t *testing.T, objects []runtime.Object) {
		pod := podOf(t, objects)
		verdict := security.AggregateCheckResults(standard.EvaluatePod(admission.LevelVersion{Level: admission.LevelRestricted, Version: admission.LatestVersion()}, &pod.ObjectMeta, &pod.Spec))
		if !verdict.Allowed {
			t.Error(verdict.ForbiddenDetail())
		}
	})
}

// Each file that an argument names is there, each mount has its volume, and only the state can be written to. Secrets are readable by their owner
// and group alone.
func TestChartMounts(t *testing.T) {
	t.Parallel()
	forEachValues(t, func(t *testing.T, objects []runtime.Object) {
		pod := podOf(t, objects).Spec
		volumes := map[string]core.Volume{}
		for _, v := range pod.Volumes {
			volumes[v.Name] = v
			if v.Secret != nil && (v.Secret.DefaultMode == nil || *v.Secret.DefaultMode != 0o440) {
				t.Errorf("%s: anybody may read it", v.Name)
			}
		}
		for _, m := range pod.Containers[0].VolumeMounts {
			if _, ok := volumes[m.Name]; !ok || m.ReadOnly == (m.Name == "state") {
				t.Errorf("mount %s: %+v", m.Name, m)
			}
			delete(volumes, m.Name)
		}
		if len(volumes) > 0 {
			t.Errorf("not mounted: %v", volumes)
		}
		root := mountAll(t, objects)
		for _, arg := range pod.Containers[0].Args {
			flag, path, _ := strings.Cut(arg, "=")
			if flag == "--pause-file" || flag == "--state-file" { // they come to be later
				path = filepath.Dir(path)
			}
			if _, err := os.Stat(root + path); strings.HasPrefix(path, "/") && err != nil {
				t.Errorf("%s: %v", arg, err)
			}
		}
	})
}

// Two replicas: one may always be taken, and neither waits for the other when a node is drained. A single one is never run twice at a time.
func TestChartReplicas(t *testing.T) {
	t.Parallel()
	two := render(t, chart+"/ci/two-replicas-values.yaml")
	budget := only[*policy.PodDisruptionBudget](t, two)
	if budget.Spec.MaxUnavailable.IntValue() != 1 || *budget.Spec.UnhealthyPodEvictionPolicy != policy.AlwaysAllow {
		t.Errorf("%+v", budget.Spec)
	}
	if d := only[*apps.Deployment](t, two); *d.Spec.Replicas != 2 || d.Spec.Strategy.Type == apps.RecreateDeploymentStrategyType {
		t.Errorf("%+v", d.Spec)
	}
	one := render(t, minimal)
	if d := only[*apps.Deployment](t, one); *d.Spec.Replicas != 1 || d.Spec.Strategy.Type != apps.RecreateDeploymentStrategyType {
		t.Errorf("%+v", d.Spec)
	}
	if n := len(all[*policy.PodDisruptionBudget](one)); n != 0 {
		t.Error("a budget for a single replica keeps nodes from being drained, or says nothing")
	}
}
