package netbox

import (
	"encoding/json"
	"testing"
)

func decodedRule(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

const device1 = `{"name": "db-1", "serial": "", "position": 12, "face": null, "mgmt": true,
	"status": {"value": "active", "label": "Active"}, "tenant": {"slug": "shop", "group": null},
	"tags": [{"slug": "held"}, {"slug": "old"}], "ports": [80, 443],
	"snapshots": {"prechange": {"status": "planned", "name": "db-1"}, "postchange": {"status": "active", "name": "db-1"}}}`

func TestConditions(t *testing.T) {
	event := decodedRule(t, device1).(map[string]any)
	for _, c := range []struct {
		rule  string
		holds bool
	}{
		{`null`, true},
		{`{}`, true},
		{`{"attr": "tenant.slug", "value": "shop"}`, true},
		{`{"attr": "tenant.slug", "value": "shop", "op": "eq"}`, true},
		{`{"attr": "tenant.slug", "value": "shop", "negate": true}`, false},
		{`{"attr": "tenant.slug", "value": ["shop", "platform"], "op": "in"}`, true},
		{`{"attr": "tenant.slug", "value": ["platform"], "op": "in"}`, false},
		{`{"attr": "tags.slug", "value": "held", "op": "contains"}`, true},
		{`{"attr": "tags.slug", "value": "new", "op": "contains"}`, false},
		{`{"attr": "name", "value": "b-", "op": "contains"}`, true},
		{`{"attr": "ports", "value": 443, "op": "contains"}`, true},
		{`{"attr": "name", "value": "db-\\d", "op": "regex"}`, true},
		{`{"attr": "name", "value": "b-1", "op": "regex"}`, false},
		{`{"attr": "position", "value": 11.5, "op": "gt"}`, true},
		{`{"attr": "position", "value": 12, "op": "gt"}`, false},
		{`{"attr": "position", "value": 12, "op": "gte"}`, true},
		{`{"attr": "position", "value": 12, "op": "lt"}`, false},
		{`{"attr": "position", "value": 12, "op": "lte"}`, true},
		{`{"attr": "face", "value": null}`, true},
		{`{"attr": "mgmt", "value": true}`, true},
		{`{"and": []}`, true},
		{`{"or": []}`, false},
		{`{"and": [{"attr": "name", "value": "db-1"}, {"attr": "status.value", "value": "active"}]}`, true},
		{`{"and": [{"attr": "name", "value": "db-1"}, {"attr": "status.value", "value": "failed"}]}`, false},
		{`{"or": [{"attr": "name", "value": "x"}, {"and": [{"attr": "mgmt", "value": true}]}]}`, true},
		{`{"OR": [{"attr": "name", "value": "x"}, {"attr": "name", "value": "y"}]}`, false},
		{`{"attr": "status", "op": "changed"}`, true},
		{`{"attr": "name", "op": "changed"}`, false},
		{`{"attr": "name", "op": "unchanged"}`, true},
		{`{"attr": "missing", "op": "unchanged"}`, false},
		{`{"attr": "missing", "op": "changed"}`, false},
		{`{"attr": "snapshots.prechange.status", "value": "planned"}`, true},
	} {
		when, err := conditionOf(decodedRule(t, c.rule), true)
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		if got, err := when.holds(event); err != nil || got != c.holds {
			t.Errorf("%s: %t, %v, want %t", c.rule, got, err, c.holds)
		}
	}
}

// What cannot be compared makes the rule be for nothing, even if it is negated.
func TestConditionsThatDoNotFit(t *testing.T) {
	event := decodedRule(t, device1).(map[string]any)
	for _, rule := range []string{
		`{"attr": "missing", "value": 1}`, `{"attr": "missing.deeper", "value": 1, "negate": true}`,
		`{"attr": "tenant.group.slug", "value": "x", "negate": true}`, `{"attr": "tags.name", "value": "x", "op": "contains"}`,
		`{"attr": "name", "value": 1, "op": "gt"}`, `{"attr": "position", "value": "1", "op": "regex"}`,
		`{"attr": "face", "value": "x", "op": "contains"}`, `{"attr": "name.first", "value": "x"}`,
		`{"attr": "name", "value": "(", "op": "regex"}`,
	} {
		when, err := conditionOf(decodedRule(t, rule), false)
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		if got, err := when.holds(event); err == nil || got {
			t.Errorf("%s holds: %t, %v", rule, got, err)
		}
	}
}

func TestConditionsThatAreRefused(t *testing.T) {
	for _, rule := range []string{
		`"x"`, `[1]`, `{"xor": []}`, `{"and": 1}`, `{"and": ["x"]}`, `{"attr": "name"}`, `{"attr": "name", "op": "eq"}`,
		`{"value": 1, "op": "eq"}`, `{"attr": "name", "value": "x", "op": "like"}`, `{"attr": "name", "value": "x", "op": "in"}`,
		`{"attr": "name", "value": "x", "op": "gt"}`, `{"attr": "name", "value": {}}`, `{"attr": "name", "op": "changed"}`,
		`{"and": [{"or": [{"attr": "a", "value": 1, "op": "regex"}]}]}`,
	} {
		if _, err := conditionOf(decodedRule(t, rule), false); err == nil {
			t.Errorf("%s was taken", rule)
		}
	}
}
