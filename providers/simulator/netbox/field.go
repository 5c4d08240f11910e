package netbox

// A form is how a field's value is written, stored and shown.
type form int

const (
	formText    form = iota // string
	formNumber              // int64
	formDecimal             // json.Number
	formBool                // bool
	formChoice              // string, shown as {"value", "label"}
	formRef                 // int64, the id of a row in another table
	formRefs                // []int64
	formType                // string, an object type such as dcim.interface
	formTypes               // []string
	formNet                 // netip.Prefix, with host bits
	formMAC                 // string, upper case with colons
	formTime                // time.Time
	formJSON                // any, as decoded
	formTexts               // []string
	formNumbers             // []int64
	formShown               // nothing is stored: show makes it
)

// gone is what becomes of a row when the row that its field names is deleted.
type gone int

const (
	protect  gone = iota // nothing: the deletion is refused
	cascade              // it is deleted too
	unset                // the field becomes null
	restrict             // refused, unless it is deleted for another reason
)

// A field is one key of a row's JSON object.
type field struct {
	name    string
	form    form
	to      string   // formRef, formRefs: the table
	choices []choice // formChoice
	types   []string // formType, formTypes: the object types that it takes; nil is all
	bare    bool     // formRef: shown as the id
	more    []string // formRef: fields of the other row that are shown beside the brief ones
	label   string   // as messages name it, if not the name with spaces
	match   string   // a pattern that texts have, and
	wrong   string   // what is said to others
	limit   int      // most characters; 0 is no limit
	least   int64    // formNumber, formDecimal, if most > least
	most    int64

	need     bool // a create must name it
	null     bool // may be null
	blank    bool // may be ""
	readOnly bool
	unique   bool // no two rows have it
	loose    bool // its filter ignores case
	quiet    bool // nothing filters by it
	last     bool // of several values to filter by, the last one counts
	fixed    bool // of an object that exists, what is sent for it is ignored
	hidden   bool // stored and never shown
	apart    bool // not shown where the row stands within another one
	standard any  // its value when a create leaves it out
	gone     gone // formRef, formType

	pair  string // formType: the field that holds the object's id
	since int    // the versions that have it
	until int

	how   func(e *encoder, r *row) // formRef: how the other row is shown, if not briefly
	check func(sent any) any       // what is wrong with a value, in a form of its own; nil is nothing
	show  func(e *encoder, r *row) // formShown
	pos   int                      // in row.vals
	there bool                     // compiled for this version
}

// Constructors and modifiers, for tables to read like a list.

func text(name string, limit int) field {
	return field{name: name, form: formText, limit: limit, blank: true, standard: ""}
}

func number(name string, least, most int64) field {
	return field{name: name, form: formNumber, least: least, most: most, null: true}
}

// decimal has at most so many digits before its point.
func decimal(name string, digits int) field {
	return field{name: name, form: formDecimal, null: true, limit: digits}
}

func boolean(name string, standard bool) field {
	return field{name: name, form: formBool, standard: standard}
}

func pick(name string, choices []choice) field {
	return field{name: name, form: formChoice, choices: choices}
}

func ref(name, table string) field {
	return field{name: name, form: formRef, to: table, null: true, label: ""}
}

func refs(name, table string) field { return field{name: name, form: formRefs, to: table, gone: unset} }

// object is a pair of fields that name an object of one of some types, and what
// shows it.
func object(name string, types ...string) []field {
	return []field{
		{name: name + "_type", form: formType, types: types, null: true, pair: name + "_id"},
		{name: name + "_id", form: formNumber, null: true},
		shown(name, func(e *encoder, r *row) { e.object(r.table, r, name) }),
	}
}

func shown(name string, show func(e *encoder, r *row)) field {
	return field{name: name, form: formShown, readOnly: true, show: show}
}

// constant is shown and never differs.
func constant(name, json string) field {
	return shown(name, func(e *encoder, _ *row) { e.raw(json) })
}

// counts are how many rows of a table name this one in a field.
func counts(name, table, by string) field {
	return shown(name, func(e *encoder, r *row) { e.number(int64(len(e.s.tables[table].by(by, r.id)))) })
}

func (f field) must() field            { f.need, f.null, f.blank, f.standard = true, false, false, nil; return f }
func (f field) orNull() field          { f.null = true; return f }
func (f field) filled() field          { f.blank = false; return f }
func (f field) or(v any) field         { f.standard, f.null = v, f.null && v == nil; return f }
func (f field) alone() field           { f.unique = true; return f }
func (f field) looser() field          { f.loose = true; return f }
func (f field) on(g gone) field        { f.gone = g; return f }
func (f field) from(since int) field   { f.since = since; return f }
func (f field) before(until int) field { f.until = until; return f }
func (f field) named(l string) field   { f.label = l; return f }
func (f field) unfiltered() field      { f.quiet = true; return f }
func (f field) lastCounts() field      { f.last = true; return f }

// aside is not shown where the row stands within another one.
func (f field) aside() field { f.apart = true; return f }

func (f field) with(more ...string) field { f.more = more; return f }

func (f field) like(pattern, wrong string) field { f.match, f.wrong = pattern, wrong; return f }

func slug() field {
	return text("slug", 100).must().like(`^[-a-zA-Z0-9_]+$`,
		`Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.`)
}

func fields(parts ...any) []field {
	var out []field
	for _, p := range parts {
		switch p := p.(type) {
		case field:
			out = append(out, p)
		case []field:
			out = append(out, p...)
		}
	}
	return out
}
