package deploy_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/web"
)

var (
	metricNames = regexp.MustCompile(`reconcile_[a-z_]+`)
	groupings   = regexp.MustCompile(`by \(([a-z, ]+)\)`)
	matchers    = regexp.MustCompile(`([a-z_]+)=~?"([^"]+)"`)
	shown       = regexp.MustCompile(`\$labels\.([a-z_]+)`)
)

// valuesOf are what labels may be that the rules compare.
var valuesOf = map[string][]string{
	"class":     {string(reconcile.Forbidden)},
	"condition": {string(reconcile.Unread), string(reconcile.Broken), string(reconcile.Unclear)},
}

// The rules are about metrics and labels that there are.
func TestAlertsAreAboutWhatThereIs(t *testing.T) {
	rules := document(t, "alerts.yaml").Get("groups").Items[0].Get("rules").Items
	if len(rules) < 5 {
		t.Fatalf("only %d rules", len(rules))
	}
	for _, rule := range rules {
		name, expr := rule.Get("alert").Scalar(), rule.Get("expr").Scalar()
		labels := labelsOf(t, name, expr)
		var used []string
		for _, by := range groupings.FindAllStringSubmatch(expr, -1) {
			used = append(used, strings.Split(by[1], ", ")...)
		}
		for _, in := range shown.FindAllStringSubmatch(rule.Get("annotations").Get("summary").Scalar(), -1) {
			if !slices.Contains(used, in[1]) {
				t.Errorf("%s shows the label %s, which is not left by %s", name, in[1], expr)
			}
		}
		for _, m := range matchers.FindAllStringSubmatch(expr, -1) {
			used = append(used, m[1])
			for value := range strings.SplitSeq(m[2], "|") {
				if !slices.Contains(valuesOf[m[1]], value) {
					t.Errorf("%s: %s is never %q", name, m[1], value)
				}
			}
		}
		for _, label := range used {
			if !slices.Contains(labels, label) {
				t.Errorf("%s: the metric has no label %s, only %v", name, label, labels)
			}
		}
	}
}

// labelsOf are the labels of the one metric that a rule is about.
func labelsOf(t *testing.T, rule, expr string) []string {
	t.Helper()
	found := metricNames.FindAllString(expr, -1)
	if len(found) != 1 {
		t.Fatalf("%s is about %v; want one metric", rule, found)
	}
	i := slices.IndexFunc(web.Metrics(), func(m web.Metric) bool { return m.Name == found[0] })
	if i < 0 {
		t.Fatalf("%s is about %s, which is no metric", rule, found[0])
	}
	return web.Metrics()[i].Labels
}
