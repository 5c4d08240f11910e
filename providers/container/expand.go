package container

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Expand gives a container's namespace, its triggers and its domains. Each child's
// values are the nodes that the manifest has, so that errors name its lines.
func (p containers) Expand(m *reconcile.Manifest, spec Container) reconcile.Expansion {
	x := expansion{m: m, spec: spec}
	x.namespace()
	for i, item := range items(m.Spec.Get("cronTriggers")) {
		x.cron(i, item, spec.CronTriggers[i])
	}
	for i, item := range items(m.Spec.Get("triggers")) {
		name := spec.Triggers[i].Name
		x.child("triggers."+name, item, "Trigger", name, item.Without("name"))
	}
	for i, item := range items(m.Spec.Get("domains")) {
		x.domain(item, spec.Domains[i])
	}
	return x.out
}

type expansion struct {
	m    *reconcile.Manifest
	spec Container
	out  reconcile.Expansion
}

// namespace is the container's own, or the one that it shares by name.
func (x *expansion) namespace() {
	child := reconcile.Manifest{Key: x.m.Key.Child("Namespace", ""), Pos: x.m.Pos}
	if x.spec.Namespace != "" {
		child.Key, child.Pos = reconcile.NewKey("Namespace", x.spec.Namespace), x.m.Spec.Get("namespace").Pos
		child.Labels = map[string]string{} // those of one container are not those of all
	}
	key, at := child.Key, child.Pos
	// The region as it is written, or not: so says a manifest of the namespace's own, too.
	child.Spec = reconcile.Map(at, reconcile.Entry{Key: "region", Value: x.m.Spec.Get("region")})
	x.out.Children = append(x.out.Children, child)
	x.out.Refs = append(x.out.Refs, reconcile.Reference{Path: "namespaceId", Text: "${" + string(key) + ".id}", Pos: at})
	if err := reconcile.CheckName(x.spec.Namespace); x.spec.Namespace != "" && err != nil {
		x.out.Faults = append(x.out.Faults, reconcile.Fault{Path: "namespace", Message: err.Error()})
	}
}

// cron makes a trigger of an entry of cronTriggers; its args are the body.
func (x *expansion) cron(i int, item *reconcile.Node, c CronTrigger) {
	name, path := c.Name, "cronTriggers."+c.Name
	if name == "" { // by what is written rather than where it stands, so that the order may change
		written := func(field string) string { return item.Get(field).Scalar() }
		sum := sha256.Sum256([]byte(c.Schedule + "\n" + c.Timezone + "\n" + written("args") + written("body")))
		name, path = "cron-"+hex.EncodeToString(sum[:])[:5], fmt.Sprintf("cronTriggers.%d", i)
	}
	if c.Args != "" && c.Body != "" {
		x.out.Faults = append(x.out.Faults, reconcile.Fault{Path: path, Message: path + ": has both args and body, which are the same"})
	}
	if c.Args != "" && !isJSON(c.Args) {
		x.out.Faults = append(x.out.Faults, reconcile.Fault{Path: path + ".args", Message: path + ".args: is not JSON; use body for other text"})
	}
	spec := item.Without("name", "args")
	if args := item.Get("args"); !args.IsNull() {
		spec = spec.With(reconcile.Entry{Key: "body", Value: args})
	}
	x.child(path, item, "Trigger", name, spec)
}

func (x *expansion) domain(item *reconcile.Node, name string) {
	x.child("domains", item, "Domain", name, reconcile.Map(item.Pos, reconcile.Entry{Key: "hostname", Value: item}))
}

// childName is what goes into keys and marks.
var childName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$`)

func (x *expansion) child(path string, item *reconcile.Node, kind, name string, spec *reconcile.Node) {
	if !childName.MatchString(name) {
		x.out.Faults = append(x.out.Faults, reconcile.Fault{
			Path: path, Message: fmt.Sprintf("%s: %q: use 1 to 253 letters, digits, dots, - and _", path, name),
		})
		return
	}
	id := reconcile.String("${"+string(x.m.Key)+".id}", item.Pos)
	region := reconcile.String(x.spec.Region, item.Pos)
	x.out.Children = append(x.out.Children, reconcile.Manifest{
		Key: x.m.Key.Child(kind, name), Pos: item.Pos,
		Spec: spec.With(reconcile.Entry{Key: "region", Value: region}, reconcile.Entry{Key: "containerId", Value: id}),
	})
}
