package reconcile

// A Machine is a physical server as one side knows it. What is not known is empty.
type Machine struct {
	ID        string
	Key       Key // of ours; "" of one that is nobody's
	Name      string
	Project   string
	Place     string
	Offer     string // as the catalogue names it, such as EM-A210R-HDD
	OS        string
	Status    string   // in NetBox's words: planned, staged, active, failed, offline, decommissioning, inventory; "" if unknown
	Addresses []string // IP addresses without masks
	MACs      []string // upper case, with colons
	Serial    string
	Slot      string // key of the slot that its mark binds it to
	URL       string // of its page in the console
}

// A Machiner is a provider of machines: what is said of holds and of two agreeing
// sources concerns its resources. It is pure, and asked about what is only wanted
// too: that has a name, a scope and a spec alone.
type Machiner[S any] interface {
	Machine(live Live[S]) Machine
}

// IsMachine tells whether resources of the kind are machines.
func (k Kind) IsMachine() bool { return k.ops.isMachine() }

// Machine is the machine that a live resource of the kind is.
func (k Kind) Machine(r *Resource) Machine {
	m := k.ops.machine(r)
	m.ID, m.Key = r.ID, r.Mark.Key
	return m
}

func (a adapter[S]) isMachine() bool {
	_, ok := a.Provider.(Machiner[S])
	return ok
}

func (a adapter[S]) machine(r *Resource) Machine {
	if m, ok := a.Provider.(Machiner[S]); ok {
		return m.Machine(show[S](r))
	}
	return Machine{}
}
