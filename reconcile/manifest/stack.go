package manifest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// undeclared is the stack of a folder without a Stack manifest: its name is the
// folder's, and nothing is pruned.
func undeclared(name string) reconcile.Stack {
	stack := newStack()
	stack.Name = stackName(name)
	return stack
}

func newStack() reconcile.Stack {
	return reconcile.Stack{Store: "local", Inventory: reconcile.NewInventory(), Policy: reconcile.Policy{Mode: "auto", MaxDeletes: -1, Rules: reconcile.Rules{MaxMonthlyEUR: -1}, Quorum: reconcile.Quorum{Count: 1}}}
}

var outsideName = regexp.MustCompile(`[^a-z0-9]+`)

// stackName makes a folder's name one that marks can carry.
func stackName(folder string) string {
	name := strings.Trim(outsideName.ReplaceAllString(strings.ToLower(folder), "-"), "-")
	name = strings.Trim(name[:min(len(name), 63)], "-")
	if name == "" {
		return "stack"
	}
	return name
}

// stack reads a Stack's spec.
func (c *checker) stack(spec *reconcile.Node) reconcile.Stack {
	stack := newStack()
	stack.Declared = true
	c.keys(spec, "", []string{"scaleway", "store", "policy", "inventory"}, []string{"bases", "values", "dependsOn"})
	if n := c.section(spec, "scaleway"); n != nil {
		c.keys(n, "scaleway.", []string{"project", "regions", "zones"}, nil)
		stack.Project = c.text(n.Get("project"), "scaleway.project", stack.Project)
		stack.Regions = c.places(n.Get("regions"), "scaleway.regions", regionForm, "regions, such as fr-par")
		stack.Zones = c.places(n.Get("zones"), "scaleway.zones", zoneForm, "zones, such as fr-par-2")
	}
	stack.Store = c.word(spec.Get("store"), "store", stack.Store, "local", "daemon", "postgres")
	if said := spec.Get("store"); said != nil {
		stack.StorePos = said.Pos
	}
	if n := c.section(spec, "policy"); n != nil {
		stack.Policy = c.policy(n, stack.Policy)
	} else {
		stack.Policy.Pos, stack.Policy.PrunePos = spec.Pos, spec.Pos
	}
	stack.Inventory = c.inventory(spec)
	return stack
}

// inventory reads how the stack uses NetBox.
func (c *checker) inventory(spec *reconcile.Node) reconcile.Inventory {
	type section struct {
		Inventory reconcile.Inventory `yaml:"inventory"` // so that problems say where they are
	}
	only := reconcile.Map(spec.Pos)
	if n := c.section(spec, "inventory"); n != nil {
		only = only.With(reconcile.Entry{Key: "inventory", Value: n})
	}
	read, places, problems := reconcile.Settings[section](only)
	c.problems = append(c.problems, problems...)
	read.Inventory.Pos = places["inventory"]
	return read.Inventory
}

func (c *checker) policy(n *reconcile.Node, policy reconcile.Policy) reconcile.Policy {
	c.keys(n, "policy.", []string{"mode", "prune", "maxDeletes", "allowEmpty", "protect", "windows", "rules", "approvals", "ignore", "repairAfter"}, nil)
	policy.Pos, policy.PrunePos = n.Pos, n.Pos
	policy.Mode = c.word(n.Get("mode"), "policy.mode", policy.Mode, "auto", "propose", "observe")
	policy.Prune = c.flag(n.Get("prune"), "policy.prune")
	policy.AllowEmpty = c.flag(n.Get("allowEmpty"), "policy.allowEmpty")
	policy.MaxDeletes = c.count(n.Get("maxDeletes"), "policy.maxDeletes", policy.MaxDeletes)
	if prune := n.Get("prune"); prune != nil {
		policy.PrunePos = prune.Pos
	}
	for _, item := range c.list(n.Get("protect"), "policy.protect") {
		if key := c.key(item, "policy.protect"); key != "" {
			policy.Protect = append(policy.Protect, key)
		}
	}
	return c.settings(n, policy)
}

// policySettings are what is said of a policy by settings like those of an
// operator's file.
type policySettings struct {
	Windows     []reconcile.Window `yaml:"windows"`
	RepairAfter time.Duration      `yaml:"repairAfter"`
	Rules       reconcile.Rules    `yaml:"rules"`
	Approvals   reconcile.Quorum   `yaml:"approvals"`
	Ignore      []reconcile.Ignore `yaml:"ignore"`
}

// settings reads when changes may run, what they have to keep to, and who has to
// approve them. Whether a schedule can be understood is for whoever has a
// calendar to say.
func (c *checker) settings(n *reconcile.Node, policy reconcile.Policy) reconcile.Policy {
	type section struct {
		Policy policySettings `yaml:"policy"` // so that problems say where they are
	}
	only := reconcile.Map(n.Pos)
	for _, name := range []string{"windows", "repairAfter", "rules", "approvals", "ignore"} {
		if value := n.Get(name); value != nil {
			only = only.With(reconcile.Entry{Key: name, Value: value})
		}
	}
	read, places, problems := reconcile.Settings[section](reconcile.Map(n.Pos, reconcile.Entry{Key: "policy", Value: only}))
	c.problems = append(c.problems, problems...)
	said := read.Policy
	policy.Windows, policy.RepairAfter = said.Windows, said.RepairAfter
	c.windowKeys(policy.Windows, places)
	policy.Rules, policy.Quorum, policy.Ignore = said.Rules, said.Approvals, said.Ignore
	c.problems = append(c.problems, policy.Rules.Place(places, "policy.rules")...)
	policy.Quorum.Pos = places["policy.approvals"]
	c.rulePlaces(policy.Rules)
	for i := range policy.Ignore {
		at := "policy.ignore." + strconv.Itoa(i)
		policy.Ignore[i].Pos = places[at]
		if len(c.kinds.byName) > 0 {
			c.problems = append(c.problems, policy.Ignore[i].Problems(at, c.kinds.all)...)
		}
	}
	return policy
}

func (c *checker) windowKeys(windows []reconcile.Window, places map[string]reconcile.Pos) {
	for i := range windows {
		at := "policy.windows." + strconv.Itoa(i)
		windows[i].Pos = places[at]
		for _, key := range windows[i].Keys {
			if !key.Valid() {
				c.add(places[at+".keys"], "", at+".keys: wants keys, such as Container/api")
			}
		}
	}
}

// rulePlaces refuses a place that looks like a misspelt one.
func (c *checker) rulePlaces(rules reconcile.Rules) {
	known := append(c.kinds.places(regionForm), c.kinds.places(zoneForm)...)
	for _, place := range rules.Regions {
		if near := reconcile.Nearest(place, known); near != "" && !has(known, place) {
			c.add(rules.At["regions"], didYouMean(near), "policy.rules.regions: unknown place "+quote(place))
		}
	}
}

// section is a map below n, nil if there is none.
func (c *checker) section(n *reconcile.Node, name string) *reconcile.Node {
	below := n.Get(name)
	if below.IsNull() {
		return nil
	}
	if below.Kind != reconcile.MapNode {
		c.add(below.Pos, "", name+": wants a map, got "+below.Kind.String())
		return nil
	}
	return below
}

func (c *checker) list(n *reconcile.Node, path string) []*reconcile.Node {
	if n.IsNull() {
		return nil
	}
	if n.Kind != reconcile.ListNode {
		c.add(n.Pos, "put it in brackets", path+": wants a list, got "+n.Kind.String())
		return nil
	}
	return n.Items
}

func (c *checker) text(n *reconcile.Node, path, otherwise string) string {
	if n.IsNull() {
		return otherwise
	}
	if n.Kind != reconcile.StringNode {
		c.add(n.Pos, "", path+": wants a string, got "+n.Kind.String())
		return otherwise
	}
	return n.Text
}

// word is a string out of a few.
func (c *checker) word(n *reconcile.Node, path, otherwise string, words ...string) string {
	text := c.text(n, path, otherwise)
	if has(words, text) {
		return text
	}
	hint := ""
	if near := reconcile.Nearest(text, words); near != "" {
		hint = didYouMean(near)
	}
	c.add(n.Pos, hint, path+": "+quote(text)+" is none of "+strings.Join(words, ", "))
	return otherwise
}

func (c *checker) flag(n *reconcile.Node, path string) bool {
	if n.IsNull() {
		return false
	}
	if n.Kind != reconcile.BoolNode {
		c.add(n.Pos, "", path+": wants true or false, got "+n.Kind.String())
		return false
	}
	return strings.EqualFold(n.Text, "true")
}

func (c *checker) count(n *reconcile.Node, path string, otherwise int) int {
	if n.IsNull() {
		return otherwise
	}
	count, err := strconv.ParseInt(n.Scalar(), 0, 32)
	if n.Kind != reconcile.IntNode || err != nil || count < 0 {
		c.add(n.Pos, "", path+": wants a whole number from 0 on")
		return otherwise
	}
	return int(count)
}

var (
	regionForm = regexp.MustCompile(`^[a-z]{2}-[a-z]{3}$`)
	zoneForm   = regexp.MustCompile(`^[a-z]{2}-[a-z]{3}-[0-9]$`)
)

// places reads regions or zones. One that looks like a misspelt place of a kind
// is wrong; others are left to Scaleway, which may have new ones.
func (c *checker) places(n *reconcile.Node, path string, form *regexp.Regexp, wants string) []string {
	var out []string
	for _, item := range c.list(n, path) {
		place := item.Scalar()
		known := c.kinds.places(form)
		near := reconcile.Nearest(place, known)
		switch {
		case has(out, place):
			c.add(item.Pos, "leave it out", path+": "+quote(place)+" stands here twice")
		case has(known, place), form.MatchString(place) && near == "":
			out = append(out, place)
		case near != "":
			c.add(item.Pos, didYouMean(near), path+": unknown place "+quote(place))
		default:
			c.add(item.Pos, "", path+": wants "+wants)
		}
	}
	return out
}

// places are all places of the form that some kind is offered in.
func (k *kinds) places(form *regexp.Regexp) []string {
	var out []string
	for _, kind := range k.byName {
		for _, place := range kind.Places {
			if form.MatchString(place) && !has(out, place) {
				out = append(out, place)
			}
		}
	}
	slices.Sort(out)
	return out
}
