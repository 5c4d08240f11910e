package container

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // schedules name time zones, and a small image may have none

	"github.com/robfig/cron/v3"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Limits that the containers' documentation names, as of November 2026.
const (
	leastCPU           = 70
	longestDescription = 255
	mostVariables      = 100
	longestVariable    = 1000
	longestSecret      = 65536
	mostDomains        = 50
	mostConcurrency    = 80
	longRequest        = 900 // seconds; more may be taken, but only one of two pages says so
)

// reservedPorts are taken by the platform in each instance.
var reservedPorts = []int{8008, 8012, 8013, 8022, 9090, 9091}

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	imageName    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$`)
	digest       = regexp.MustCompile(`^(sha256:)?[0-9a-f]{64}$`)
	uuid         = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// faults gathers what is wrong. What is said of a field that is not known yet,
// or that depends on one, is left out.
type faults struct {
	unknown []string
	found   []reconcile.Fault
}

func (f *faults) isUnknown(path string) bool {
	return slices.ContainsFunc(f.unknown, func(u string) bool { return u == path || strings.HasPrefix(u, path+".") })
}

func (f *faults) add(wrong bool, path, format string, args ...any) {
	f.put(wrong, reconcile.Fault{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (f *faults) warn(worth bool, path, format string, args ...any) {
	f.put(worth, reconcile.Fault{Path: path, Message: fmt.Sprintf(format, args...), Warning: true})
}

func (f *faults) put(wrong bool, fault reconcile.Fault) {
	if !wrong || f.isUnknown(fault.Path) {
		return
	}
	if fault.Path != "" {
		fault.Message = fault.Path + ": " + fault.Message
	}
	f.found = append(f.found, fault)
}

// Validate says what the API would refuse, and what it takes but would surprise.
func (p containers) Validate(c Container, unknown []string) []reconcile.Fault {
	f := &faults{unknown: unknown}
	f.image(c)
	f.limits(c)
	f.scaling(c)
	f.probe("healthCheck", c.HealthCheck, c.Protocol)
	f.probe("startupProbe", (*HealthCheck)(c.StartupProbe), c.Protocol)
	f.network(c)
	f.env(c.Env)
	f.hostnames(c.Domains)
	return f.found
}

func (f *faults) image(c Container) {
	name := strings.TrimPrefix(strings.TrimPrefix(c.Image, "https://"), "http://")
	if name != c.Image {
		f.add(true, "image", "%q begins with a scheme; write %s", c.Image, name)
		return
	}
	valid := imageName.MatchString(c.Image)
	f.add(!valid, "image", "%q is no image such as rg.fr-par.scw.cloud/shop/api:v1.4.0", c.Image)
	last := c.Image[strings.LastIndexByte(c.Image, '/')+1:]
	f.warn(valid && (strings.HasSuffix(last, ":latest") || !strings.ContainsAny(last, ":@")), "image",
		"latest is a tag that moves, and Git does not see when; name a version or a digest, or change registrySha256 with each build")
	f.warn(strings.HasPrefix(c.RegistrySHA256, "sha256:") && !digest.MatchString(c.RegistrySHA256), "registrySha256",
		"looks like a digest but has not 64 hex digits; it still deploys again when it changes")
	f.add(len(c.RegistrySHA256) > 200, "registrySha256", "is %d characters long; it is kept in a tag, which takes 200", len(c.RegistrySHA256))
	f.warn(!c.Deploy, "deploy", "has no effect: this version of the API deploys whatever is created or changed")
}

func (f *faults) limits(c Container) {
	f.add(slices.Contains(reservedPorts, c.Port), "port", "%d is reserved by the platform, as are %s", c.Port, joined(reservedPorts))
	f.add(c.CPULimit < leastCPU, "cpuLimit", "%d is less than the least, %d", c.CPULimit, leastCPU)
	f.add(len(c.Description) > longestDescription, "description", "is %d characters long; the API takes %d", len(c.Description), longestDescription)
	f.warn(c.TimeoutSeconds > longRequest, "timeoutSeconds",
		"%d is more than the 15 minutes that the containers' documentation promises; a job suits long work better", c.TimeoutSeconds)
}

func (f *faults) scaling(c Container) {
	o := c.ScalingOption
	f.add(c.MinScale > c.MaxScale, "minScale", "%d is more than maxScale, %d", c.MinScale, c.MaxScale)
	set := 0
	for _, threshold := range []int{o.ConcurrentRequestsThreshold, o.CPUUsageThreshold, o.MemoryUsageThreshold} {
		if threshold != 0 {
			set++
		}
	}
	f.add(set > 1, "scalingOption", "%d thresholds are set; Scaleway takes exactly one of concurrentRequestsThreshold, "+
		"cpuUsageThreshold and memoryUsageThreshold", set)
	f.add(o.ConcurrentRequestsThreshold < 0 || o.ConcurrentRequestsThreshold > mostConcurrency, "scalingOption.concurrentRequestsThreshold",
		"%d is not from 1 to %d", o.ConcurrentRequestsThreshold, mostConcurrency)
	for name, threshold := range map[string]int{"cpuUsageThreshold": o.CPUUsageThreshold, "memoryUsageThreshold": o.MemoryUsageThreshold} {
		path := "scalingOption." + name
		f.add(threshold < 0 || threshold > 100, path, "%d is no percentage from 1 to 100", threshold)
		f.add(threshold > 0 && c.MinScale < 1, path, "needs minScale 1 or more: what sleeps has no usage to measure")
	}
}

func (f *faults) probe(path string, h *HealthCheck, protocol string) {
	if h == nil {
		return
	}
	f.add(h.Path != "" && h.TCP, path, "has both path and tcp; a check is one of them")
	f.add(h.Path != "" && !strings.HasPrefix(h.Path, "/"), path+".path", "%q does not begin with /", h.Path)
	f.warn(h.TimeoutSeconds > h.IntervalSeconds, path+".timeoutSeconds", "%d is longer than the interval, %d", h.TimeoutSeconds, h.IntervalSeconds)
	f.warn(h.Path != "" && protocol == "h2c", path+".path",
		"a check by HTTP GET never succeeds against a gRPC server, and a failing check restarts the container; use tcp: true")
}

func (f *faults) network(c Container) {
	region, id, found := strings.Cut(c.PrivateNetworkID, "/")
	switch {
	case c.PrivateNetworkID == "":
		f.add(c.PrivateEndpoint && !f.isUnknown("privateNetworkId"), "privateEndpoint", "needs privateNetworkId")
	case found && region == c.Region:
		f.add(true, "privateNetworkId", "leave out the region: write %s", id)
	case found:
		f.add(true, "privateNetworkId", "the Private Network is in %s and the container in %s; the two must be in one region", region, c.Region)
	default:
		f.add(!uuid.MatchString(c.PrivateNetworkID), "privateNetworkId", "%q is no ID, which is a UUID", c.PrivateNetworkID)
	}
}

func (f *faults) env(env Env) {
	for _, name := range slices.Sorted(maps.Keys(env.Variables)) {
		path := "env.variables." + name
		f.variable(path, name)
		f.add(len(env.Variables[name]) > longestVariable, path, "is %d characters long; the API takes %d of a plain variable and %d of a secret one",
			len(env.Variables[name]), longestVariable, longestSecret)
		_, both := env.Secrets[name]
		f.add(both, path, "stands under secrets, too")
	}
	for _, name := range slices.Sorted(maps.Keys(env.Secrets)) {
		path := "env.secrets." + name
		f.variable(path, name)
		f.add(len(env.Secrets[name].Reveal()) > longestSecret, path, "is longer than the %d bytes that the API takes", longestSecret)
	}
	f.add(len(env.Variables)+len(env.Secrets) > mostVariables, "env", "has %d variables; the API takes %d",
		len(env.Variables)+len(env.Secrets), mostVariables)
}

func (f *faults) variable(path, name string) {
	f.add(!variableName.MatchString(name), path, "%q is no name of a variable: letters, digits and _, not beginning with a digit", name)
	f.add(name == "PORT", path, "is set by Scaleway, to spec.port; leave it out")
	f.add(strings.HasPrefix(name, "SCW_"), path, "names that begin with SCW_ are reserved by Scaleway")
}

func (f *faults) hostnames(names []string) {
	f.add(len(names) > mostDomains, "domains", "are %d; a container takes %d", len(names), mostDomains)
	for i, name := range names {
		f.add(slices.Contains(names[:i], name), "domains", "%q stands here twice", name)
	}
}

// fiveFields is what UNIX takes: no seconds, no names such as @daily.
var fiveFields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

func (f *faults) schedule(schedule, zone string) {
	_, err := fiveFields.Parse(schedule)
	f.add(err != nil || strings.Contains(schedule, "TZ="), "schedule", "%q is no schedule of five fields, such as 0 2 * * *", schedule)
	if zone == "" {
		f.put(true, reconcile.Fault{
			Path: "timezone", Message: "is missing; Scaleway runs a schedule in a time zone, and there is none to assume",
			Hint: "add for instance timezone: Europe/Paris",
		})
		return
	}
	_, err = time.LoadLocation(zone)
	f.add(err != nil || zone == "Local", "timezone", "%q is no time zone such as Europe/Paris", zone)
}

// isJSON tells whether a cron trigger's args are what they must be.
func isJSON(text string) bool { return json.Valid([]byte(text)) }

func joined(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = fmt.Sprint(n)
	}
	return strings.Join(words, ", ")
}
