package web

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Numbers are what the daemon counts that no store knows.
type Numbers struct {
	Requests    map[string]int64 // to Scaleway's API, by how they ended: ok, or an error's class
	Leases      map[string]bool  // by name of a stack: whether this process holds its lease
	GitLab      map[GitLabCount]int64
	Credentials map[string]time.Time // by name: when it expires; those that never do are left out
	NetBox      *NetBox              // nil: there is none
}

// NetBox is what is counted of the inventory.
type NetBox struct {
	Asked    bool      // ever
	Answers  bool      // the last read was answered
	Answered time.Time // the last one that was; zero is never
	Degraded bool      // it is only read, as its version is none that is known
	Requests map[string]int64
	Events   map[string]int64 // of its webhooks, by what came of them
}

// GitLabCount is what is counted of what a GitLab is told.
type GitLabCount struct {
	Name    string // in the operator's file
	Outcome string // told, refused or left out
}

// Metric is one line of the table of metrics. Their labels are bounded: stacks
// are those of the operator's file, routes are patterns.
type Metric struct {
	Name   string
	Type   string // gauge, counter or histogram
	Labels []string
	Help   string
}

// Metrics are all that /metrics gives, besides go_ and process_ of Prometheus' library.
func Metrics() []Metric {
	stack := []string{"stack"}
	return []Metric{
		{"reconcile_build_info", "gauge", []string{"version"}, "Version of the program; always 1."},
		{"reconcile_look_duration_seconds", "histogram", []string{"launch_type"}, "How long looks took that this process made."},
		{"reconcile_runs_total", "counter", []string{"status", "launch_type"}, "Runs that ended, by outcome."},
		{"reconcile_stack_condition", "gauge", []string{"stack", "condition"}, "1 for the condition in which a stack is."},
		{"reconcile_stack_drifted", "gauge", stack, "Keys that somebody changed behind Git."},
		{"reconcile_stack_unknown", "gauge", stack, "Listings and look-ups that could not be read."},
		{"reconcile_stack_held", "gauge", stack, "Keys of which a change is held."},
		{"reconcile_stack_failed", "gauge", stack, "Keys of which the last step failed."},
		{"reconcile_stack_last_success_timestamp_seconds", "gauge", stack, "When all was last as it shall be; 0 is never."},
		{"reconcile_stack_last_look_timestamp_seconds", "gauge", stack, "When the last look ended; 0 is never."},
		{"reconcile_queue_depth", "gauge", []string{"queue"}, "Stacks that are due and have no turn yet."},
		{"reconcile_queue_age_seconds", "gauge", []string{"queue"}, "How long the first of them has been due."},
		{"reconcile_api_requests_total", "counter", []string{"class"}, "Requests to Scaleway's API, by how they ended."},
		{"reconcile_gitlab_total", "counter", []string{"gitlab", "outcome"}, "What a GitLab was to be told: told, refused or left out."},
		{"reconcile_netbox_up", "gauge", nil, "1 if NetBox answered the last time that it was read."},
		{"reconcile_netbox_last_answer_timestamp_seconds", "gauge", nil, "When NetBox last answered; 0 is never."},
		{"reconcile_netbox_degraded", "gauge", nil, "1 if NetBox is only read, as its version is none that is known."},
		{"reconcile_netbox_requests_total", "counter", []string{"class"}, "Requests to NetBox, by how they ended."},
		{"reconcile_netbox_events_total", "counter", []string{"outcome"}, "Events of NetBox's webhooks: own, ignored or taken, and of what they told changed, unchanged or left out."},
		{"reconcile_lease_held", "gauge", stack, "1 if this process holds the stack's lease."},
		{"reconcile_remote_leases", "gauge", nil, "Leases that this process holds for callers of its API."},
		{"reconcile_credential_expiry_days", "gauge", []string{"credential"}, "Days until a credential expires; negative once it has."},
		{"reconcile_event_readers", "gauge", nil, "Who reads /api/v1/events now."},
		{"reconcile_http_requests_total", "counter", []string{"route", "code"}, "Requests to this process, by the pattern of their route."},
		{"reconcile_http_request_duration_seconds", "histogram", []string{"route"}, "How long they took."},
		{"reconcile_store_up", "gauge", nil, "1 if the store could be read for this answer."},
	}
}

// meters are the metrics of a server, in a registry of its own.
type meters struct {
	*Server
	registry *prometheus.Registry
	descs    map[string]*prometheus.Desc
	looks    *prometheus.HistogramVec
	runs     *prometheus.CounterVec
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
}

var (
	lookBuckets    = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800}
	requestBuckets = []float64{0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10}
)

func newMeters(s *Server) *meters {
	m := &meters{Server: s, registry: prometheus.NewRegistry(), descs: map[string]*prometheus.Desc{}}
	for _, line := range Metrics() {
		histogram := func(buckets []float64) *prometheus.HistogramVec {
			return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: line.Name, Help: line.Help, Buckets: buckets}, line.Labels)
		}
		counter := func() *prometheus.CounterVec {
			return prometheus.NewCounterVec(prometheus.CounterOpts{Name: line.Name, Help: line.Help}, line.Labels)
		}
		switch line.Name {
		case "reconcile_look_duration_seconds":
			m.looks = histogram(lookBuckets)
		case "reconcile_http_request_duration_seconds":
			m.took = histogram(requestBuckets)
		case "reconcile_runs_total":
			m.runs = counter()
		case "reconcile_http_requests_total":
			m.requests = counter()
		default:
			m.descs[line.Name] = prometheus.NewDesc(line.Name, line.Help, line.Labels, nil)
		}
	}
	m.registry.MustRegister(m, m.looks, m.took, m.runs, m.requests, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Looked counts a look that this process made, and how long it took.
func (s *Server) Looked(why reconcile.Launch, took time.Duration) {
	s.meters.looks.WithLabelValues(launchLabel(why)).Observe(took.Seconds())
}

// Ran counts a run that this process ended.
func (s *Server) Ran(run reconcile.Run) { s.meters.saved(run) }

// saved counts a run once it has ended.
func (m *meters) saved(run reconcile.Run) {
	over := []reconcile.RunStatus{reconcile.RunSuccessful, reconcile.RunFailed, reconcile.RunError, reconcile.RunCanceled}
	if slices.Contains(over, run.Status) && !run.Finished.IsZero() {
		m.runs.WithLabelValues(string(run.Status), launchLabel(run.Launch)).Inc()
	}
}

// launchLabel keeps what callers send out of the labels.
func launchLabel(l reconcile.Launch) string {
	if slices.Contains(launches, l) {
		return string(l)
	}
	return "other"
}

var launches = []reconcile.Launch{reconcile.ByPush, reconcile.ByWebhook, reconcile.BySchedule, reconcile.ByStartup, reconcile.ByPerson,
	reconcile.ByRelaunch, reconcile.ByRollback, reconcile.ByRetry, reconcile.ByAgain}

func (m *meters) answered(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	if route != "/api/v1/events" { // which take as long as their readers want
		m.took.WithLabelValues(route).Observe(took.Seconds())
	}
}

const collectTime = 10 * time.Second

// Describe is part of prometheus.Collector.
func (m *meters) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range m.descs {
		out <- desc
	}
}

// Collect asks the store how the stacks stand, and is part of prometheus.Collector.
func (m *meters) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	put := func(name string, value float64, labels ...string) {
		sort := prometheus.GaugeValue
		if strings.HasSuffix(name, "_total") {
			sort = prometheus.CounterValue
		}
		out <- prometheus.MustNewConstMetric(m.descs[name], sort, value, labels...)
	}
	put("reconcile_build_info", 1, m.o.Version)
	put("reconcile_remote_leases", float64(m.leases.count()))
	put("reconcile_event_readers", float64(m.feed.count()))
	standings, err := m.store.Standings(ctx)
	if err != nil {
		m.log.Warn("metrics: the standings cannot be read", "error", err)
	}
	put("reconcile_store_up", truth(err == nil))
	served := m.settings().Stacks
	for i := range standings {
		if slices.Contains(served, standings[i].Name) {
			putStanding(put, standings[i])
		}
	}
	m.putQueues(ctx, put)
	m.putNumbers(put, served)
}

type putter func(name string, value float64, labels ...string)

func putStanding(put putter, s reconcile.Standing) {
	put("reconcile_stack_condition", 1, s.Name, string(s.Condition))
	put("reconcile_stack_drifted", float64(s.Counts.Drifted), s.Name)
	put("reconcile_stack_unknown", float64(s.Counts.Unknown), s.Name)
	put("reconcile_stack_held", float64(s.Counts.Held), s.Name)
	put("reconcile_stack_failed", float64(s.Counts.Failed), s.Name)
	put("reconcile_stack_last_success_timestamp_seconds", seconds(s.Succeeded), s.Name)
	put("reconcile_stack_last_look_timestamp_seconds", seconds(s.Looked), s.Name)
}

func (m *meters) putQueues(ctx context.Context, put putter) {
	if m.o.Schedule == nil {
		return
	}
	depths, err := m.o.Schedule.Depth(ctx)
	if err != nil {
		m.log.Warn("metrics: the queues cannot be read", "error", err)
		return
	}
	for _, queue := range []reconcile.Queue{reconcile.PushQueue, reconcile.DriftQueue} {
		put("reconcile_queue_depth", float64(depths[queue].Waiting), string(queue))
		put("reconcile_queue_age_seconds", depths[queue].Oldest.Seconds(), string(queue))
	}
}

func (m *meters) putNumbers(put putter, served []string) {
	if m.o.Numbers == nil {
		return
	}
	n := m.o.Numbers()
	for class, count := range n.Requests {
		put("reconcile_api_requests_total", float64(count), class)
	}
	for told, count := range n.GitLab {
		put("reconcile_gitlab_total", float64(count), told.Name, told.Outcome)
	}
	putNetBox(put, n.NetBox)
	for name, held := range n.Leases {
		if slices.Contains(served, name) {
			put("reconcile_lease_held", truth(held), name)
		}
	}
	for name, expires := range n.Credentials {
		put("reconcile_credential_expiry_days", expires.Sub(m.clock.Now()).Hours()/24, name)
	}
}

func putNetBox(put putter, n *NetBox) {
	if n == nil {
		return
	}
	if n.Asked {
		put("reconcile_netbox_up", truth(n.Answers))
		put("reconcile_netbox_last_answer_timestamp_seconds", seconds(n.Answered))
	}
	put("reconcile_netbox_degraded", truth(n.Degraded))
	for class, count := range n.Requests {
		put("reconcile_netbox_requests_total", float64(count), class)
	}
	for outcome, count := range n.Events {
		put("reconcile_netbox_events_total", float64(count), outcome)
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func (c *call) metrics() (any, error) {
	if c.who != nil && c.who.limited() {
		return nil, forbidden("metrics are about all stacks; this token is for some")
	}
	promhttp.HandlerFor(c.meters.registry, promhttp.HandlerOpts{
		ErrorLog: nil, MaxRequestsInFlight: 4, Timeout: collectTime,
	}).ServeHTTP(c.w, c.r)
	return streamed{}, nil
}
