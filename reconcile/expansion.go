package reconcile

// A Fault is something wrong with a field.
type Fault struct {
	Path    string // of the field, as the manifest writes it; "" is the manifest
	Message string
	Hint    string
	Warning bool
}

// An Expansion is what a manifest stands for besides itself.
type Expansion struct {
	Children []Manifest  // decoded like any other manifest
	Refs     []Reference // values of the manifest's own fields that other resources give
	Unknown  string      // why its children are not known; nothing below its key is then made or deleted
	Omit     bool        // the manifest is only its children and no resource itself
	Faults   []Fault
}

// A Reference is a field whose value other resources' outputs give. Text holds
// the outputs as ${Kind/name.output}.
type Reference struct {
	Path string
	Text string
	Pos  Pos
}
