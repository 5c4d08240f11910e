package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Provider manages the live resources of one kind, whose settings are an S.
// It translates; it holds no policy, ordering, waiting or retries. Its methods
// may be called concurrently. Errors of the API are an *Error with a class.
//
// A provider may have more abilities, each an interface of one method: Getter,
// Expander, Drawer, Validator, Pricer, Machiner, Preflighter.
type Provider[S any] interface {
	// List returns every resource of the kind in scope, ours or not. It is complete or it fails.
	// Of resources without a mark, name, ID and In are enough.
	List(ctx context.Context, in Scope) ([]Live[S], error)
	// Create asks for the resource and returns its ID once the API has accepted it.
	Create(ctx context.Context, want Desired[S]) (id string, err error)
	// Update takes the next step from have towards want, in place.
	Update(ctx context.Context, have Live[S], want Desired[S]) error
	// Delete asks for removal. What is gone already is no error.
	Delete(ctx context.Context, have Live[S]) error
}

// A Getter reads one resource by its ID. The error has class NotFound if there is none.
type Getter[S any] interface {
	Get(ctx context.Context, in Scope, id string) (Live[S], error)
}

// An Expander turns a manifest into what it stands for besides itself. It is pure.
type Expander[S any] interface {
	Expand(m *Manifest, spec S) Expansion
}

// A Validator says what the API would refuse, before any call. It is pure.
// References of the spec may be unresolved: their fields are zero and are
// listed in unknown by path.
type Validator[S any] interface {
	Validate(spec S, unknown []string) []Fault
}

// A Defaulter is a spec with defaults that depend on other fields; it fills
// those that are still zero. It is pure, and part of reconcile/v1: what it does
// for an input never changes.
type Defaulter interface{ Default() }

// A Namer derives the resource's name from its key where the two differ. The
// notice says so to people; it is empty if nothing is surprising. It is pure.
type Namer interface {
	Name(key Key) (name, notice string)
}

// A Titled is a spec with a field for the resource's name. Title fills it with
// name, which follows from the key, unless the manifest says another, and
// returns it. It is pure, and part of reconcile/v1.
type Titled interface{ Title(name string) string }

// A Scope is where resources are listed: a project and a place in it. The place
// is a region or a zone; global kinds have none.
type Scope struct {
	Project string `json:"project,omitempty"`
	Place   string `json:"place,omitempty"`
}

// where is the place, for sentences; "" if there is just one.
func (s Scope) where() string {
	if s.Place == "" {
		return ""
	}
	return " in " + s.Place
}

// A Mark says whose a resource is and since when. It is kept on the resource. Without
// a key a person made it for the stack: nothing touches it, and no manifest asks for it.
type Mark struct {
	Stack string // the stack's name, for people
	UID   string // the first 8 hex digits of the stack's uid, "" if it has none
	Key   Key
	Rev   string // revision at which the resource was last changed
}

// IsZero tells whether there is no mark.
func (m Mark) IsZero() bool { return m == Mark{} }

// Owner is the mark's first word: name.uid, or the bare name.
func (m Mark) Owner() string {
	if m.UID == "" {
		return m.Stack
	}
	return m.Stack + "." + m.UID
}

// Owned is the mark with the stack and uid of an owner word.
func (m Mark) Owned(owner string) Mark {
	m.Stack, m.UID = owner, ""
	if i := strings.LastIndexByte(owner, '.'); i > 0 && shortUID(owner[i+1:]) {
		m.Stack, m.UID = owner[:i], owner[i+1:]
	}
	return m
}

// shortUID tells whether a word is the beginning of a uid, as marks carry it.
func shortUID(word string) bool {
	return len(word) == 8 && strings.Trim(word, "0123456789abcdef") == ""
}

// Phase is how far a live resource is.
type Phase string

// The phases.
const (
	Ready        Phase = "ready"
	Progressing  Phase = "progressing"
	Deleting     Phase = "deleting"
	Failed       Phase = "failed"
	UnknownPhase Phase = "unknown"
)

// Live is a resource as it is, with settings S.
type Live[S any] struct {
	Kind    string // filled in by the kind
	Scope   Scope  // filled in by the kind when listed
	ID      string
	Name    string
	Created time.Time
	Spec    S
	Phase   Phase
	Detail  string // why it failed, or what it is doing
	Mark    Mark
	Tags    []string          // tags of others; kept at every update
	Outputs map[string]string // what others may refer to; "id" always
	In      string            // ID of what contains it
	Uses    []string          // IDs of what it uses
	Again   time.Duration     // while progressing: how long the rest usually takes; 0 is the kind's usual time
	Kept    string            // why the API would refuse to delete it, and what to do first; "" if it would not
}

// Desired is a resource as it shall be, with settings S, when it is applied: all values are known.
type Desired[S any] struct {
	Key     Key
	Name    string
	Scope   Scope
	Spec    S
	Mark    Mark
	Tags    []string // beside the mark: the manifest's labels, as name=value
	Changed []string // paths of the fields that differ from live, as manifests write them; nil for a create
}

// Has tells whether the field at path, or one below it, is among the changed.
func (d Desired[S]) Has(path string) bool {
	return slices.ContainsFunc(d.Changed, func(p string) bool { return below(p, path) })
}

// A Limit is a documented quota: how many of the kind there may be.
type Limit struct {
	Max    int
	Per    string // "project" or "organization"
	Remedy string // what to do instead of asking for a higher quota
}

// Access names what a credential must be allowed, in the words of the API.
type Access struct {
	Read  string // to list and read
	Write string // to do everything; it includes Read
}

// About describes a kind.
type About struct {
	Name     string
	Doc      string        // what it is, in a sentence or two, for help and the reference
	Places   []string      // regions or zones that offer it; nil for a global kind
	Usual    time.Duration // how long it usually takes to be ready
	LivesIn  string        // the kind that contains it; deleting that takes it along
	Unique   bool          // names are unique in their place and container, so a replacement deletes first
	Global   bool          // with Unique: names are unique whatever contains them
	Noted    string        // not "": an update is only noted where people read it, and why: the same is not noted again
	OnUpdate string        // what an update does besides changing fields, such as "restarts the container"
	OnDelete string        // what a deletion, also of a replacement, does besides; such as "its data is gone in 7 days"
	Limits   []Limit
	Needs    Access            // what a credential must be allowed to do
	Outputs  map[string]string // names and meanings of its outputs besides id
	Aliases  []Alias
	// Normalize brings other accepted forms of a manifest's spec into the one that the struct describes; nil if there are none.
	Normalize func(spec *Node) (*Node, Problems)
	Abstract  bool          // its manifests only stand for others: nothing live is of it
	Elsewhere bool          // it lives in no Scaleway project: one listing serves all stacks
	Absent    string        // why it cannot be reached here, and what to do; its listing then fails, and is left out where nothing is wanted of it
	Fresh     time.Duration // how old its listing may be where guards rely on it; a long run lists it again in time. 0: as old as it is
	Retired   bool          // no manifest may use it any more; what is live is still listed and deleted
}

// An Alias is a manifest format of others that means this kind.
type Alias struct {
	APIVersion string
	Kind       string
	// Translate makes a manifest of ours. Its problems may be notices (warnings).
	Translate func(doc *Node) (*Node, Problems)
}

// Kind is a sort of resource, its settings' type hidden. It is a value; All() of
// the providers lists them.
type Kind struct {
	About
	Fields []Field // of its spec
	ops    operations
}

// operations are a provider's abilities with the settings' type hidden; specs
// are pointers to S.
type operations interface {
	newSpec() any
	list(context.Context, Scope) ([]*Resource, error)
	create(context.Context, Desired[any]) (string, error)
	update(context.Context, *Resource, Desired[any]) error
	delete(context.Context, *Resource) error
	get(context.Context, Scope, string) (*Resource, error)
	canGet() bool
	expand(*Manifest, any, *Seen) Expansion
	validate(any, []string) []Fault
	name(Key) (name, notice string)
	isMachine() bool
	machine(*Resource) Machine
	draws() []string
	preflights() bool
	preflight(context.Context, []Planned[any]) (map[Key][]Fault, error)
	products() (types []string, priced bool)
	price(Scope, any, PriceList) Cost
}

// Resource is a live resource whose settings' type is hidden: Spec points to an S.
type Resource = Live[any]

// NewKind makes a kind of a provider.
func NewKind[S any](about About, p Provider[S]) Kind {
	return Kind{About: about, Fields: fieldsOf[S](), ops: adapter[S]{about.Name, p}}
}

// List returns every live resource of the kind in scope, complete or with an
// error. Nobody may change them: they may be shared.
func (k Kind) List(ctx context.Context, in Scope) ([]*Resource, error) {
	live, err := k.ops.list(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("list %s%s: %w", k.Name, in.where(), err)
	}
	return live, nil
}

// listing is List, ready to be looked through, and when it was begun: zero is now.
func (k Kind) listing(ctx context.Context, in Scope) (live *inventory, began time.Time, err error) {
	if shared, ok := k.ops.(sharing); ok {
		if live, began, err = shared.listing(ctx, in); err != nil {
			err = fmt.Errorf("list %s%s: %w", k.Name, in.where(), err)
		}
		return live, began, err
	}
	found, err := k.List(ctx, in)
	return newInventory(found), began, err
}

// Get reads one resource; ok is false if the kind cannot.
func (k Kind) Get(ctx context.Context, in Scope, id string) (r *Resource, ok bool, err error) {
	if !k.ops.canGet() {
		return nil, false, nil
	}
	r, err = k.ops.get(ctx, in, id)
	return r, true, err
}

// Create asks for the resource and returns once the API has accepted it.
func (k Kind) Create(ctx context.Context, want Desired[any]) (string, error) {
	return k.ops.create(ctx, want)
}

// Update takes the next step from have towards want.
func (k Kind) Update(ctx context.Context, have *Resource, want Desired[any]) error {
	return k.ops.update(ctx, have, want)
}

// Delete asks for removal.
func (k Kind) Delete(ctx context.Context, have *Resource) error { return k.ops.delete(ctx, have) }

// NewSpec returns a pointer to a zero spec.
func (k Kind) NewSpec() any { return k.ops.newSpec() }

type adapter[S any] struct {
	kind string
	Provider[S]
}

func (a adapter[S]) newSpec() any { return new(S) }

func (a adapter[S]) hide(live Live[S], in Scope) *Resource {
	spec := live.Spec
	outputs := live.Outputs
	if outputs == nil {
		outputs = map[string]string{}
	}
	outputs["id"] = live.ID
	return &Resource{
		Kind: a.kind, Scope: in, ID: live.ID, Name: live.Name, Created: live.Created, Spec: &spec,
		Phase: live.Phase, Detail: live.Detail, Mark: live.Mark, Tags: slices.Clip(live.Tags), Outputs: outputs,
		In: live.In, Uses: slices.Clip(live.Uses), Again: live.Again, Kept: live.Kept,
	}
}

func show[S any](r *Resource) Live[S] {
	return Live[S]{
		Kind: r.Kind, Scope: r.Scope, ID: r.ID, Name: r.Name, Created: r.Created, Spec: *r.Spec.(*S),
		Phase: r.Phase, Detail: r.Detail, Mark: r.Mark, Tags: r.Tags, Outputs: r.Outputs,
		In: r.In, Uses: r.Uses, Again: r.Again, Kept: r.Kept,
	}
}

func want[S any](d Desired[any]) Desired[S] {
	return Desired[S]{Key: d.Key, Name: d.Name, Scope: d.Scope, Spec: *d.Spec.(*S), Mark: d.Mark, Tags: d.Tags, Changed: d.Changed}
}

func (a adapter[S]) list(ctx context.Context, in Scope) (out []*Resource, err error) {
	defer a.survive(&err)
	live, err := a.Provider.List(ctx, in)
	if err != nil {
		return nil, err
	}
	out = make([]*Resource, len(live))
	for i := range live {
		out[i] = a.hide(live[i], in)
	}
	return out, nil
}

func (a adapter[S]) create(ctx context.Context, d Desired[any]) (id string, err error) {
	defer a.survive(&err)
	return a.Provider.Create(ctx, want[S](d))
}

func (a adapter[S]) update(ctx context.Context, have *Resource, d Desired[any]) (err error) {
	defer a.survive(&err)
	return a.Provider.Update(ctx, show[S](have), want[S](d))
}

func (a adapter[S]) delete(ctx context.Context, have *Resource) (err error) {
	defer a.survive(&err)
	return a.Provider.Delete(ctx, show[S](have))
}

func (a adapter[S]) canGet() bool {
	_, ok := a.Provider.(Getter[S])
	return ok
}

func (a adapter[S]) get(ctx context.Context, in Scope, id string) (r *Resource, err error) {
	defer a.survive(&err)
	live, err := a.Provider.(Getter[S]).Get(ctx, in, id)
	if err != nil {
		return nil, err
	}
	return a.hide(live, in), nil
}

func (a adapter[S]) expand(m *Manifest, spec any, seen *Seen) Expansion {
	if d, ok := a.Provider.(Drawer[S]); ok {
		return d.Draw(m, *spec.(*S), seen)
	}
	if e, ok := a.Provider.(Expander[S]); ok {
		return e.Expand(m, *spec.(*S))
	}
	return Expansion{}
}

func (a adapter[S]) validate(spec any, unknown []string) []Fault {
	if v, ok := a.Provider.(Validator[S]); ok {
		return v.Validate(*spec.(*S), unknown)
	}
	return nil
}

func (a adapter[S]) name(key Key) (name, notice string) {
	if n, ok := a.Provider.(Namer); ok {
		return n.Name(key)
	}
	return key.Name(), ""
}
