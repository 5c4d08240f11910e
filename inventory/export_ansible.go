package inventory

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// An Ansible is an inventory in the form that Ansible takes from inventory
// scripts. Its JSON is the same for the same devices, in whatever order.
type Ansible struct {
	hosts  map[string]map[string]any
	groups map[string][]string
	// Notices are what people should know: hosts that go by another name, groups
	// that stand for more than one thing.
	Notices []string
}

// The names that Ansible means something else by.
var ansibleReserved = []string{"all", "ungrouped", "localhost", "127.0.0.1"}

var (
	ansibleHost  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	outsideGroup = regexp.MustCompile(`[^A-Za-z0-9_]`)
)

// NewAnsible makes an inventory of devices. Each is in groups by its site, role,
// tenant, pool and status.
func NewAnsible(entries []Entry) *Ansible {
	a := &Ansible{hosts: map[string]map[string]any{}, groups: map[string][]string{}}
	meant := map[string][]string{} // by group, the slugs that it stands for
	for host, e := range a.named(entries) {
		facts := e.exported()
		a.hosts[host] = hostvars(e, facts)
		for _, one := range []struct{ by, is string }{
			{"site", facts.NetBox.Site}, {"role", facts.NetBox.Role}, {"tenant", facts.NetBox.Tenant}, {"pool", facts.Reconcile.Pool}, {"status", facts.NetBox.Status},
		} {
			if one.is == "" {
				continue
			}
			group := one.by + "_" + outsideGroup.ReplaceAllString(one.is, "_")
			a.groups[group] = append(a.groups[group], host)
			if !slices.Contains(meant[group], one.is) {
				meant[group] = append(meant[group], one.is)
			}
		}
	}
	for group, words := range meant {
		slices.Sort(a.groups[group])
		if slices.Sort(words); len(words) > 1 {
			a.Notices = append(a.Notices, fmt.Sprintf("group %s stands for %s", group, strings.Join(words, " and ")))
		}
	}
	slices.Sort(a.Notices)
	return a
}

// named gives each device a name that is its alone and that Ansible takes.
func (a *Ansible) named(entries []Entry) map[string]*Entry {
	count := map[string]int{}
	for i := range entries {
		count[strings.ToLower(entries[i].Row.Name)]++
	}
	out := map[string]*Entry{}
	for i := range entries {
		e := &entries[i]
		host := e.Row.Name
		why := ""
		switch {
		case host == "":
			why = "it has no name"
		case count[strings.ToLower(host)] > 1:
			why = "another device bears its name"
		case !ansibleHost.MatchString(host) || slices.Contains(ansibleReserved, strings.ToLower(host)):
			why = "Ansible means something else by its name"
		}
		if why != "" {
			for host = fmt.Sprintf("device-%d", e.Row.ID); count[host] > 0; {
				host += "-netbox"
			}
			a.Notices = append(a.Notices, fmt.Sprintf("device %d (%q) is host %s: %s", e.Row.ID, e.Row.Name, host, why))
		}
		out[host] = e
	}
	return out
}

func hostvars(e *Entry, facts Facts) map[string]any {
	raw, err := json.Marshal(facts)
	vars := map[string]any{}
	if err == nil {
		decoder := json.NewDecoder(strings.NewReader(string(raw)))
		decoder.UseNumber() // IDs stay whole
		err = decoder.Decode(&vars)
	}
	if err != nil {
		panic(err) // facts are strings, numbers and lists
	}
	if address := e.Address(); address != "" {
		vars["ansible_host"] = address
	}
	return untemplated(vars).(map[string]any)
}

// untemplated marks texts that Ansible would take for templates and run: anybody
// who may edit NetBox could otherwise run code where playbooks run.
func untemplated(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name := range value {
			value[name] = untemplated(value[name])
		}
	case []any:
		for i := range value {
			value[i] = untemplated(value[i])
		}
	case string:
		if strings.Contains(value, "{{") || strings.Contains(value, "{%") || strings.Contains(value, "{#") {
			return map[string]any{"__ansible_unsafe": value}
		}
	}
	return value
}

// MarshalJSON is what an inventory script answers to --list.
func (a *Ansible) MarshalJSON() ([]byte, error) {
	out := map[string]any{
		"_meta": map[string]any{"hostvars": a.hosts},
		"all":   map[string]any{"children": append([]string{"ungrouped"}, slices.Sorted(maps.Keys(a.groups))...)},
	}
	grouped := map[string]bool{}
	for group, members := range a.groups {
		out[group] = map[string]any{"hosts": members}
		for _, host := range members {
			grouped[host] = true
		}
	}
	loose := slices.DeleteFunc(a.Hosts(), func(host string) bool { return grouped[host] })
	out["ungrouped"] = map[string]any{"hosts": listed(loose)}
	return json.Marshal(out)
}

// Host is what an inventory script answers to --host: a host's variables, none of
// one that it does not know.
func (a *Ansible) Host(name string) map[string]any {
	if vars, ok := a.hosts[name]; ok {
		return vars
	}
	return map[string]any{}
}

// Hosts are the hosts' names, sorted.
func (a *Ansible) Hosts() []string { return slices.Sorted(maps.Keys(a.hosts)) }
