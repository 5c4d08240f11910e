package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// ignoring is a policy with one rule for some fields.
func ignoring(fields ...string) reconcile.Policy {
	return reconcile.Policy{Ignore: []reconcile.Ignore{{Fields: fields, Reason: "others see to it", Pos: reconcile.Pos{File: "stack.yaml", Line: 20}}}}
}

func paths(changes []reconcile.Change) string {
	var out []string
	for _, c := range changes {
		for _, f := range c.Fields {
			out = append(out, f.Path)
		}
	}
	return strings.Join(out, " ")
}

func hidden(plan *reconcile.Plan) string {
	var out []string
	for _, i := range plan.Ignored {
		out = append(out, fmt.Sprintf("%s %v/%v", i.Path, i.Git, i.Live))
	}
	return strings.Join(out, " ")
}

func TestIgnore(t *testing.T) {
	rule := func(name string, from ...string) map[string]any {
		if len(from) == 0 {
			from = []string{"x"}
		}
		return fields{"name": name, "from": from[0], "to": "y"}
	}
	for name, tt := range map[string]struct {
		fields     []string
		live, want fields
		changes    string // paths
		hidden     string // path Git/live
	}{
		"a field":                     {[]string{"size"}, fields{"size": 5}, fields{"size": 1}, "", "size 1/5"},
		"a field left out":            {[]string{"size"}, fields{"size": 5}, fields{}, "", "size 1/5"},
		"the same":                    {[]string{"size"}, fields{"size": 5}, fields{"size": 5}, "", ""},
		"beside another":              {[]string{"size"}, fields{"size": 5, "image": "a"}, fields{"size": 1, "image": "b"}, "image", "size 1/5"},
		"a name in a map":             {[]string{"env.BUILD"}, fields{"env": fields{"BUILD": "7", "A": "1"}}, fields{"env": fields{"A": "2"}}, "env.A", "env.BUILD <nil>/7"},
		"a name that live lacks":      {[]string{"env.BUILD"}, fields{}, fields{"env": fields{"BUILD": "7", "A": "2"}}, "env.A", "env.BUILD 7/<nil>"},
		"a whole map":                 {[]string{"env"}, fields{"env": fields{"A": "1", "B": "2"}}, fields{"env": fields{"A": "3"}}, "", "env.A 3/1 env.B <nil>/2"},
		"any name of a map":           {[]string{"env.*"}, fields{"env": fields{"A": "1"}}, fields{}, "", "env.A <nil>/1"},
		"a list":                      {[]string{"tags"}, fields{"tags": []any{"a", "b"}}, fields{"tags": []any{"c"}}, "", "tags [c]/[a b]"},
		"below a struct":              {[]string{"limits.cpu"}, fields{"limits": fields{"cpu": 1, "memory": 2}}, fields{"limits": fields{"cpu": 3, "memory": 4}}, "limits.memory", "limits.cpu 3/1"},
		"all below a struct":          {[]string{"limits.*"}, fields{"limits": fields{"cpu": 1, "memory": 2}}, fields{"limits": fields{"cpu": 3, "memory": 4}}, "", "limits.cpu 3/1 limits.memory 4/2"},
		"a struct that may be absent": {[]string{"health"}, fields{"health": fields{"path": "/", "port": 1}}, fields{}, "", "health.path <nil>// health.port <nil>/1"},
		"a part of one both have":     {[]string{"health.port"}, fields{"health": fields{"path": "/", "port": 1}}, fields{"health": fields{"path": "/x", "port": 2}}, "health.path", "health.port 2/1"},
		"a part of one Git lacks":     {[]string{"health.port"}, fields{"health": fields{"path": "/", "port": 1}}, fields{}, "health.path health.port", ""},
		"a part of an item":           {[]string{"rules.*.from"}, fields{"rules": []any{rule("r", "1"), rule("s")}}, fields{"rules": []any{rule("r", "2"), rule("s")}}, "", "rules.r.from 2/1"},
		"an item Git lacks":           {[]string{"rules.r"}, fields{"rules": []any{rule("r"), rule("s")}}, fields{}, "rules.s.name rules.s.from rules.s.to", "rules.r.name <nil>/r rules.r.from <nil>/x rules.r.to <nil>/y"},
		"an item live lacks":          {[]string{"rules.r"}, fields{}, fields{"rules": []any{rule("r"), rule("s")}}, "rules.s.name rules.s.from rules.s.to", "rules.r.name r/<nil> rules.r.from x/<nil> rules.r.to y/<nil>"},
		"a part of an item Git lacks": {[]string{"rules.*.from"}, fields{"rules": []any{rule("r")}}, fields{}, "rules.r.name rules.r.from rules.r.to", ""},
		"what needs a new resource":   {[]string{"color"}, fields{"color": "red"}, fields{"color": "blue"}, "", "color blue/red"},
		"carried over to a new one":   {[]string{"size"}, fields{"color": "red", "size": 5}, fields{"color": "blue"}, "color", "size 1/5"},
		"a place is never ignored":    {[]string{"*"}, fields{"region": "fr-par", "size": 2}, fields{"region": "nl-ams"}, "region", "size 1/2"},
		"nothing of that":             {[]string{"color"}, fields{"size": 5}, fields{"size": 1}, "size", ""},
	} {
		t.Run(name, func(t *testing.T) {
			plan := rehearse(t, ignoring(tt.fields...), []reconcile.Manifest{ware("a", tt.live)}, []reconcile.Manifest{ware("a", tt.want)})
			if got := paths(plan.Steps); got != tt.changes {
				t.Errorf("changes %q, want %q", got, tt.changes)
			}
			if got := hidden(plan); got != tt.hidden {
				t.Errorf("hidden %q, want %q", got, tt.hidden)
			}
			for _, c := range plan.Steps {
				var again []string
				for _, f := range wareKinds()[0].Differences(c.Live.Spec, c.Want.Spec) {
					again = append(again, f.Path)
				}
				if c.Action == reconcile.Update && strings.Join(again, " ") != tt.changes {
					t.Errorf("the call would change %q", again)
				}
			}
		})
	}
}

// What is created is as Git says, and a replacement takes what is live along.
func TestIgnoreOnCreateAndReplace(t *testing.T) {
	policy := ignoring("size", "hidden")
	plan := rehearse(t, policy, nil, []reconcile.Manifest{ware("a", fields{"size": 3})})
	if size := plan.Steps[0].Want.Spec.(*wareSpec).Size; size != 3 || len(plan.Ignored) > 0 {
		t.Errorf("created with size %d, hidden %v", size, plan.Ignored)
	}
	of := func(color, secret string, size int) []reconcile.Manifest {
		return []reconcile.Manifest{ware("a", fields{"color": color, "size": size, "hidden": fields{"T": fields{"valueFrom": fields{"env": secret}}}})}
	}
	plan = rehearse(t, policy, of("red", "OLD", 5), of("blue", "NEW", 1))
	spec := plan.Steps[0].Want.Spec.(*wareSpec)
	if plan.Steps[0].Action != reconcile.Replace || spec.Size != 5 {
		t.Errorf("%s with size %d", plan.Steps[0].Action, spec.Size)
	}
	if token := spec.Hidden["T"].Reveal(); token != "the value of env NEW" {
		t.Errorf("a secret that cannot be read is carried over: %q", token)
	}
}

// A reference that is ignored is not waited for.
func TestIgnoredReferenceIsNotWaitedFor(t *testing.T) {
	live := []reconcile.Manifest{ware("a", fields{"image": "old"})}
	want := []reconcile.Manifest{ware("base", nil), ware("a", fields{"image": "${Ware/base.image}", "size": 2})}
	plan := rehearse(t, ignoring("image"), live, want)
	i := slices.IndexFunc(plan.Steps, func(c reconcile.Change) bool { return c.Key == "Ware/a" })
	if i < 0 || paths(plan.Steps[i:i+1]) != "size" || len(plan.Steps[i].Want.Unknown) > 0 {
		t.Fatalf("got %+v", plan.Steps)
	}
	if got := hidden(plan); got != "image (known after Ware/base.image)/old" {
		t.Errorf("hidden %q", got)
	}
}

// An approval or saved plan holds while only what is ignored moves.
func TestIgnoredFieldsDoNotMovePlans(t *testing.T) {
	hash := func(policy reconcile.Policy, size int, team string) string {
		live := labelled(ware("a", fields{"size": size, "image": "a"}), map[string]string{"team": team, "x": "1"})
		want := labelled(ware("a", fields{"image": "b"}), map[string]string{"team": "shop", "x": "1"})
		return rehearse(t, policy, []reconcile.Manifest{live}, []reconcile.Manifest{want}).Hash
	}
	policy := ignoring("size", "labels.team")
	if hash(policy, 3, "shop") != hash(policy, 9, "web") {
		t.Error("the plan is another one because an ignored field moved")
	}
	if hash(ignoring("color"), 3, "shop") == hash(ignoring("color"), 9, "shop") {
		t.Error("the plan is the same though a field moved that is not ignored")
	}
}

func TestIgnoredLabels(t *testing.T) {
	live := []reconcile.Manifest{labelled(ware("a", nil), map[string]string{"team": "web", "tier": "1"})}
	want := []reconcile.Manifest{labelled(ware("a", nil), map[string]string{"team": "shop", "tier": "2"})}
	plan := rehearse(t, ignoring("labels.team"), live, want)
	if paths(plan.Steps) != "labels.tier" || !slices.Equal(plan.Steps[0].Want.Tags, []string{"team=web", "tier=2"}) {
		t.Errorf("changes %q, tags %q", paths(plan.Steps), plan.Steps[0].Want.Tags)
	}
	if got := hidden(plan); got != "labels.team shop/web" {
		t.Errorf("hidden %q", got)
	}
}

// Kinds and keys bound what a rule is about; one that is about nothing is told of.
func TestIgnoreIsAboutKindsAndKeys(t *testing.T) {
	live := []reconcile.Manifest{ware("a", fields{"size": 5, "parts": []any{"p"}}), ware("b", fields{"size": 5})}
	want := []reconcile.Manifest{ware("a", fields{"parts": []any{"p"}}), ware("b", nil)}
	at := reconcile.Pos{File: "stack.yaml", Line: 20}
	for name, tt := range map[string]struct {
		rule    reconcile.Ignore
		changed string
		notices int
	}{
		"all":           {reconcile.Ignore{}, "", 0},
		"a key":         {reconcile.Ignore{Keys: []reconcile.Key{"Ware/a"}}, "Ware/b", 0},
		"a kind":        {reconcile.Ignore{Kinds: []string{"Ware"}}, "", 0},
		"another kind":  {reconcile.Ignore{Kinds: []string{"Part"}}, "Ware/a Ware/b", 0},
		"key, not kind": {reconcile.Ignore{Kinds: []string{"Part"}, Keys: []reconcile.Key{"Ware/a"}}, "Ware/a Ware/b", 1},
		"nothing there": {reconcile.Ignore{Keys: []reconcile.Key{"Ware/c"}}, "Ware/a Ware/b", 1},
	} {
		t.Run(name, func(t *testing.T) {
			tt.rule.Fields, tt.rule.Pos = []string{"size"}, at
			plan := rehearse(t, reconcile.Policy{Ignore: []reconcile.Ignore{tt.rule}}, live, want)
			var changed []string
			for _, c := range plan.Steps {
				changed = append(changed, string(c.Key))
			}
			if strings.Join(changed, " ") != tt.changed || len(plan.Notices) != tt.notices {
				t.Errorf("changes %q, notices %q", changed, plan.Notices)
			}
			if tt.notices > 0 && plan.Notices[0] != "stack.yaml:20: ignores size of nothing that Git asks for; take the rule out" {
				t.Errorf("got %q", plan.Notices)
			}
		})
	}
}

func TestIgnoreRulesThatCannotBe(t *testing.T) {
	for name, tt := range map[string]struct {
		rule reconcile.Ignore
		want string
	}{
		"fine":            {reconcile.Ignore{Kinds: []string{"Ware"}, Fields: []string{"size", "env.A", "limits.*", "rules.*.from", "health", "labels.team"}}, ""},
		"of another kind": {reconcile.Ignore{Kinds: []string{"Part"}, Fields: []string{"image"}}, `s:20: i.fields: "image": there is no such field; fields are written as in manifests, such as size`},
		"of some kind":    {reconcile.Ignore{Kinds: []string{"Part", "Ware"}, Fields: []string{"image"}}, ""},
		"unknown kind":    {reconcile.Ignore{Kinds: []string{"Wares"}, Fields: []string{"size"}}, `s:20: i.kinds: unknown kind "Wares"; did you mean Ware?`},
		"misspelt":        {reconcile.Ignore{Fields: []string{"limits.memry"}}, `s:20: i.fields: "limits.memry": there is no such field; did you mean limits.memory?`},
		"below a scalar":  {reconcile.Ignore{Fields: []string{"size.x"}}, `s:20: i.fields: "size.x": there is no such field; did you mean size?`},
		"item, misspelt":  {reconcile.Ignore{Fields: []string{"rules.*.form"}}, `s:20: i.fields: "rules.*.form": there is no such field; did you mean rules.*.from?`},
		"place":           {reconcile.Ignore{Fields: []string{"region"}}, `s:20: i.fields: "region": says where a resource is, and that cannot be otherwise than Git says`},
		"feeds expansion": {reconcile.Ignore{Fields: []string{"parts"}}, `s:20: i.fields: "parts": is not compared by itself: it says what else comes of the manifest; ignore the fields of what comes of it, by kinds or keys`},
		"no key":          {reconcile.Ignore{Keys: []reconcile.Key{"a"}, Fields: []string{"size"}}, `s:20: i.keys: "a": wants keys, such as Container/api`},
		"anything at all": {reconcile.Ignore{Fields: []string{"*"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tt.rule.Pos = reconcile.Pos{File: "s", Line: 20}
			if got := tt.rule.Problems("i", wareKinds()); got.Error() != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// wareFrom makes settings out of bytes: small ones, much in common.
func wareFrom(data []byte) fields {
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		n := int(data[0])
		data = data[1:]
		return n
	}
	out := fields{"size": next() % 3, "image": fmt.Sprint("i", next()%3), "limits": fields{"cpu": next() % 3, "memory": next() % 3}}
	env := fields{}
	for i := range next() % 4 {
		env[string(rune('A'+i))] = fmt.Sprint(next() % 3)
	}
	out["env"] = env
	if next()%2 == 1 {
		out["health"] = fields{"path": fmt.Sprint("/", next()%3), "port": next() % 3}
	}
	rules := []any{}
	for i := range next() % 3 {
		rules = append(rules, fields{"name": string(rune('r' + (i+next())%3)), "from": fmt.Sprint(next() % 2), "to": fmt.Sprint(next() % 2)})
	}
	if len(rules) == 2 && rules[0].(fields)["name"] == rules[1].(fields)["name"] {
		rules = rules[:1]
	}
	out["rules"] = rules
	if next()%2 == 1 {
		out["tags"] = []any{fmt.Sprint(next() % 3), "t"}
	}
	return out
}

// FuzzIgnore: what a rule names causes no change where both sides have what it
// is in, hides no other field's change, and is live in the call as it was; and
// what is hidden and what changes are all that differs.
func FuzzIgnore(f *testing.F) {
	patterns := []string{"size", "image", "limits", "limits.cpu", "env", "env.A", "env.*", "health", "health.port", "rules", "rules.*", "rules.r", "rules.*.from", "tags", "*", "*.cpu", "labels"}
	f.Add([]byte{1, 2, 3}, []byte{2, 1, 0, 3, 2, 1, 1, 1, 1, 2, 2, 1, 1, 1}, byte(3), byte(6))
	f.Add([]byte{1, 1, 1, 1, 2, 0, 1, 1, 2, 2, 2, 0, 1, 1, 1, 0}, []byte{}, byte(8), byte(12))
	f.Fuzz(func(t *testing.T, live, want []byte, one, other byte) {
		rules := []string{patterns[int(one)%len(patterns)], patterns[int(other)%len(patterns)]}
		have, wish := []reconcile.Manifest{ware("a", wareFrom(live))}, []reconcile.Manifest{ware("a", wareFrom(want))}
		plain, plan := rehearse(t, reconcile.Policy{}, have, wish), rehearse(t, ignoring(rules...), have, wish)
		all, changed := strings.Fields(paths(plain.Steps)), strings.Fields(paths(plan.Steps))
		var kept []string
		for _, i := range plan.Ignored {
			kept = append(kept, i.Path)
		}
		both := slices.Sorted(slices.Values(append(slices.Clone(changed), kept...)))
		if slices.Sort(all); !slices.Equal(both, all) {
			t.Fatalf("%v: %v differ; %v change and %v are hidden", rules, all, changed, kept)
		}
		for _, path := range kept {
			if !slices.ContainsFunc(rules, func(rule string) bool { return names(rule, path) }) {
				t.Fatalf("%v hide %s", rules, path)
			}
		}
		for _, path := range changed {
			top := strings.SplitN(path, ".", 3)
			whole := slices.ContainsFunc(rules, func(rule string) bool {
				return names(rule, top[0]) || len(top) > 1 && top[0] != "health" && names(rule, top[0]+"."+top[1])
			})
			if whole {
				t.Fatalf("%v: %s changes", rules, path)
			}
		}
		for _, c := range plan.Steps {
			var sent []string
			for _, d := range wareKinds()[0].Differences(c.Live.Spec, c.Want.Spec) {
				sent = append(sent, d.Path)
			}
			if slices.Sort(sent); !slices.Equal(sent, slices.Sorted(slices.Values(changed))) {
				t.Fatalf("%v: %v would be sent, %v change", rules, sent, changed)
			}
		}
	})
}

// names tells in another way than the program whether a rule names a path or one above it.
func names(rule, path string) bool {
	want, have := strings.Split(rule, "."), strings.Split(path, ".")
	if len(want) > len(have) {
		return false
	}
	for i, word := range want {
		if word != "*" && word != have[i] {
			return false
		}
	}
	return true
}

// A label with dots is one name: nothing of it is ignored for another label's sake.
func TestAnIgnoredLabelHidesNoLongerOne(t *testing.T) {
	labels := func(short, long string) []reconcile.Manifest {
		return []reconcile.Manifest{labelled(ware("a", nil), map[string]string{"app": short, "app.kubernetes.io/name": long})}
	}
	for fields, want := range map[string]string{
		"labels.app":                    "labels.app.kubernetes.io/name",
		"labels.app.kubernetes.io/name": "labels.app",
		"labels.*":                      "",
		"labels":                        "",
	} {
		policy := reconcile.Policy{Ignore: []reconcile.Ignore{{Fields: []string{fields}, Reason: "somebody else's"}}}
		got := ""
		for _, c := range rehearse(t, policy, labels("x", "y"), labels("x2", "y2")).Steps {
			for _, f := range c.Fields {
				got += f.Path
			}
		}
		if got != want {
			t.Errorf("with %s ignored, %q differs, want %q", fields, got, want)
		}
	}
}
