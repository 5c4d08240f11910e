package reconcile

// Rules are what a stack's changes have to keep to, beside what the policy says
// of deletions. What breaks one is held; the zero Rules ask for nothing.
type Rules struct {
	RequiredLabels []string `yaml:"requiredLabels" plan:"set" doc:"Labels that every manifest must have, such as team."`
	Regions        []string `yaml:"regions" plan:"set" doc:"Regions, or zones, that anything may be created in; all of the stack's if left out."`
	Offers         []string `yaml:"offers" plan:"set" doc:"Offers, or patterns of them, that may be ordered; all if left out."`
	Registries     []string `yaml:"registries" plan:"set" doc:"Beginnings of image references that may run, such as rg.fr-par.scw.cloud/shop; all if left out."`
	RequireDigest  bool     `yaml:"requireDigest" default:"false" doc:"Images are named by digest (@sha256:...), so that what was reviewed is what runs."`
	MaxMonthlyEUR  float64  `yaml:"maxMonthlyEUR" default:"-1" check:"min=0" doc:"What all of the stack may cost in a month at least, in euros without tax; no limit if left out."`

	At map[string]Pos // of each rule that is said, by its name
}

// A Quorum says whose approval a plan needs in mode propose.
type Quorum struct {
	Count        int  `yaml:"count" json:"count" default:"1" check:"min=1,max=20" doc:"How many people have to approve."`
	NotAuthor    bool `yaml:"notAuthor" json:"notAuthor,omitempty" default:"false" doc:"The author of the commit does not count."`
	NotCommitter bool `yaml:"notCommitter" json:"notCommitter,omitempty" default:"false" doc:"Whoever committed it does not count."`

	Pos Pos `json:"at"`
}

// An Ignore lets live fields be as they are: they take their live values before
// anything is compared. What it hides is listed, never silent.
type Ignore struct {
	Kinds  []string `yaml:"kinds" plan:"set" doc:"Kinds that it is about; all if neither these nor keys are named."`
	Keys   []Key    `yaml:"keys" plan:"set" doc:"Keys that it is about, with all below them."`
	Fields []string `yaml:"fields" plan:"set" check:"required,nonempty" doc:"Paths of fields, with all below them, such as memoryLimitMb or env.variables.BUILD; * is any one name."`
	Reason string   `yaml:"reason" check:"required,nonempty" doc:"Why, for those who find it listed."`
	Pos    Pos
}

// Ignored is a field whose difference a rule hides.
type Ignored struct {
	Key  Key
	Path string
	Git  any // masked if it is a secret
	Live any
	Rule Ignore
}

// Known is drift that somebody knows of and has accepted for a time.
type Known struct {
	Reason string
	Until  string // the last day, as 2026-12-31
	By     string // who accepted it, "" if the file does not say
	Pos    Pos    // in the baseline file
}
