package daemon

import (
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Config is the operator's file. Decode makes one that is whole: every stack has
// the file's defaults, and what it names is there.
type Config struct {
	Listen      string             `yaml:"listen" default:"127.0.0.1:7373" doc:"Address that the daemon listens on; loopback only, unless tls is set or a proxy stands before it."`
	URL         string             `yaml:"url" doc:"Where people reach the daemon, such as https://reconcile.example.com; links in messages begin with it."`
	Hosts       []string           `yaml:"hosts" plan:"set" doc:"Names by which the daemon is reached, besides that of url and those of this machine."`
	TLS         TLS                `yaml:"tls" doc:"What the daemon proves itself with, so that it is reached by https; without it a proxy before it does that."`
	Store       StoreConfig        `yaml:"store" doc:"Where journals, runs and orders are kept."`
	Workers     Workers            `yaml:"workers" doc:"How many stacks are looked at in parallel."`
	Credentials []Credential       `yaml:"credentials" doc:"Scaleway's API keys, by name."`
	Git         []Git              `yaml:"git" doc:"What repositories are read with, by name."`
	Defaults    Entry              `yaml:"defaults" doc:"What each stack has that does not say otherwise: all of a stack's settings but name, url and path."`
	Stacks      []Entry            `yaml:"stacks" doc:"What is reconciled."`
	Windows     []reconcile.Window `yaml:"windows" doc:"When changes may run, or may not, in all stacks."`
	Webhooks    []Webhook          `yaml:"webhooks" doc:"Who may say that a branch has moved, what people write on merge requests, and what they change in NetBox."`
	NetBox      NetBox             `yaml:"netbox" doc:"The NetBox that says which machine is which, and what of it stacks may look at and write."`
	GitLab      []GitLab           `yaml:"gitlab" doc:"GitLabs that are told what comes of looks, and whose people may order it in merge requests."`
	Notify      []Notify           `yaml:"notify" doc:"Who is told of what happens."`
	OIDC        []OIDC             `yaml:"oidc" doc:"Whose ID tokens the API takes, such as those of GitLab's jobs."`
	Checkpoints Checkpoints        `yaml:"checkpoints" doc:"How the ends of the journals are signed, and where they go."`
	Retention   Retention          `yaml:"retention" doc:"How long records and runs stay in the store."`
}

// Ref says where a value is that must not stand in a file: in a variable of the
// environment, or in a file. It is read anew whenever it is used.
type Ref struct {
	Env  string `yaml:"env" doc:"Name of a variable of the environment."`
	File string `yaml:"file" doc:"A file; one line end at its end is not part of the value."`
}

// IsZero tells whether there is none.
func (r Ref) IsZero() bool { return r == Ref{} }

// String names the place, never the value.
func (r Ref) String() string {
	switch {
	case r.Env != "":
		return "env " + r.Env
	case r.File != "":
		return "file " + r.File
	}
	return "nothing"
}

// TLS are the files of a certificate and of its key.
type TLS struct {
	Cert string `yaml:"cert" doc:"A file with the certificate and those that vouch for it, in PEM; it is read again when it changes."`
	Key  string `yaml:"key" doc:"A file with its private key, in PEM."`
}

// StoreConfig is where the store is: in a folder, or in PostgreSQL.
type StoreConfig struct {
	Path     string `yaml:"path" doc:"Folder of a local store; .reconcile in the working folder if nothing is said."`
	Postgres Ref    `yaml:"postgres" doc:"Address of a PostgreSQL database, as postgres://user:password@host/name; several replicas may share it."`
}

// Workers are the looks that may be under way at once.
type Workers struct {
	Push  int `yaml:"push" default:"8" check:"min=1,max=1000" doc:"Looks for which somebody waits: a push, or a person."`
	Drift int `yaml:"drift" default:"8" check:"min=1,max=1000" doc:"Looks by schedule."`
}

// Credential is one API key of Scaleway, and where it is used by default.
type Credential struct {
	Name      string `yaml:"name" check:"required,nonempty" doc:"Name that stacks call it by."`
	AccessKey Ref    `yaml:"accessKey" doc:"The access key. Required."`
	SecretKey Ref    `yaml:"secretKey" doc:"The secret key. Required."`
	Project   string `yaml:"project" doc:"ID of the project of stacks that name none."`
	Region    string `yaml:"region" doc:"Region of stacks that name none."`
	Zone      string `yaml:"zone" doc:"Zone of stacks that name none."`
	APIURL    string `yaml:"apiUrl" doc:"Another address of the API, such as a simulator's."`
	Rate      int    `yaml:"rate" default:"0" check:"min=0,max=10000" doc:"Most requests a second with this key, all stacks together; 0 is 50. Twice as many may leave at once."`
}

// Git is what repositories are read with.
type Git struct {
	Name       string `yaml:"name" check:"required,nonempty" doc:"Name that stacks call it by."`
	Host       string `yaml:"host" doc:"Host of which repositories are read with it where the stack names none."`
	Username   string `yaml:"username" doc:"User name beside a token; oauth2 if left out."`
	Token      Ref    `yaml:"token" doc:"A token for HTTPS."`
	SSHKey     Ref    `yaml:"sshKey" doc:"A file with a private key."`
	KnownHosts string `yaml:"knownHosts" doc:"A file of known hosts, as ssh keeps it."`
}

// Entry is one stack of the operator's file. What it says about the policy
// tightens what the repository says, and never loosens it.
type Entry struct {
	Name        string             `yaml:"name" doc:"Name by which the daemon knows the stack. Required."`
	URL         string             `yaml:"url" doc:"Git URL or folder of the repository, without credentials. Required."`
	Branch      string             `yaml:"branch" doc:"Branch that is followed; the repository's default branch if left out."`
	Path        string             `yaml:"path" doc:"Folder of the stack in the repository; its top if left out."`
	Credential  string             `yaml:"credential" doc:"Name of the credential; the environment's if left out."`
	Git         string             `yaml:"git" doc:"Name of what the repository is read with; what is for its host if left out."`
	GitLab      string             `yaml:"gitlab" doc:"Name of the GitLab that is told of the stack; the one at the host of its repository if left out."`
	Environment string             `yaml:"environment" doc:"Name of the environment in GitLab that runs are deployments to; the stack's name if left out."`
	Mode        string             `yaml:"mode" default:"auto" check:"enum=auto|propose|observe" doc:"The most that is done without a person: auto applies, propose waits for approval, observe changes nothing."`
	Poll        time.Duration      `yaml:"poll" default:"30s" doc:"How often the branch is asked for."`
	Schedule    string             `yaml:"schedule" default:"*/10 * * * *" doc:"When live resources are compared, pushed or not, as cron's five fields."`
	TimeZone    string             `yaml:"timeZone" default:"UTC" doc:"Time zone of the schedule."`
	Splay       time.Duration      `yaml:"splay" default:"2m" doc:"Within what time after the schedule the stacks are spread; each has its own moment, always the same."`
	Advance     string             `yaml:"advance" default:"fast-forward-only" check:"enum=fast-forward-only|any" doc:"fast-forward-only: a branch that was rewritten or moved back is held until a person accepts it; any: it is followed wherever it goes."`
	Settle      time.Duration      `yaml:"settle" default:"0s" doc:"How long ago the daemon must have seen a commit first before it is applied, so that several pushes are applied as one."`
	RepairAfter time.Duration      `yaml:"repairAfter" default:"0s" doc:"How long a difference that somebody made live is only shown and told of, before it is repaired."`
	Timeout     time.Duration      `yaml:"timeout" default:"30m" doc:"How long a run waits until all is settled."`
	Windows     []reconcile.Window `yaml:"windows" doc:"When changes may run, or may not. They count together with the windows for all stacks, as one list."`
	Bounds      Bounds             `yaml:"bounds" doc:"What the repository may ask for at most."`
	Verify      Verify             `yaml:"verify" doc:"Whose signature a commit must bear."`
}

// Bounds are the most that a repository may ask for.
type Bounds struct {
	Prune      bool             `yaml:"prune" default:"true" doc:"false: nothing is pruned, whatever the repository says."`
	MaxDeletes int              `yaml:"maxDeletes" default:"-1" check:"min=0" doc:"Of how many manifests resources may be destroyed in one run; no bound if left out."`
	Kinds      []string         `yaml:"kinds" plan:"set" doc:"Kinds that may be changed; all if left out."`
	Projects   []string         `yaml:"projects" plan:"set" doc:"IDs or patterns of the projects that may be named, * for all; the credential's own if left out."`
	Env        []string         `yaml:"env" plan:"set" doc:"Names or patterns of the variables that manifests may read; none if left out."`
	Rules      reconcile.Rules  `yaml:"rules" doc:"What changes have to keep to besides what the repository's own rules say."`
	Approvals  reconcile.Quorum `yaml:"approvals" doc:"Whose approval a plan needs in mode propose, where the repository asks for less."`
	Files      []string         `yaml:"files" plan:"set" doc:"Names or patterns of the files in the tree that manifests may read, encrypted ones too; all if left out."`
	Secrets    []string         `yaml:"secrets" plan:"set" doc:"Secrets of Secret Manager that manifests may read, as patterns of /PATH/NAME, such as /shop/*; all of the stack's project that are no other stack's if left out."`
	// KeyServices are who may be asked for the keys of encrypted files.
	KeyServices []string `yaml:"keyServices" plan:"set" doc:"Who may be asked for the keys of encrypted files besides age and PGP keys at hand, as SORT=PLACE, such as hc_vault=https://vault.example.com:8200 or kms=arn:aws:kms:eu-west-1:123456789012:*; nobody if left out, as the files come from the repository and the credential is the daemon's."`
}

// Verify is whose signature a commit must bear; nobody's if there is none.
type Verify struct {
	AllowedSigners string `yaml:"allowedSigners" doc:"A file of allowed signers, as ssh-keygen knows it."`
	GPGKeys        string `yaml:"gpgKeys" doc:"A file of armored OpenPGP keys."`
}

// Webhook is who may say that a branch has moved, or a device in NetBox.
type Webhook struct {
	Name     string   `yaml:"name" check:"required,nonempty" doc:"Its address is /hooks/ and this name."`
	Provider string   `yaml:"provider" default:"gitlab" check:"enum=gitlab|netbox" doc:"Whose webhook it is."`
	Secret   Ref      `yaml:"secret" doc:"The secret that GitLab sends, or that NetBox signs with."`
	Stacks   []string `yaml:"stacks" plan:"set" doc:"Names or patterns of the stacks that it may nudge; all that it tells something of if left out. GitLab nudges folders only if they are named here."`
}

// NetBox is the inventory, and what stacks may do there at most.
type NetBox struct {
	URL       string   `yaml:"url" doc:"Its address, such as https://netbox.example.com; that of the environment, NETBOX_URL with NETBOX_TOKEN, if left out."`
	Token     Ref      `yaml:"token" doc:"A token of its API. Required with url."`
	CA        string   `yaml:"ca" doc:"A file of certificates in PEM that may vouch for it, beside the machine's."`
	Tenants   []string `yaml:"tenants" plan:"set" doc:"Slugs of the tenants whose devices stacks may look at and write, whatever they say; all if left out."`
	Sites     []string `yaml:"sites" plan:"set" doc:"Slugs of the sites whose devices stacks may look at and write; all if left out."`
	Tag       string   `yaml:"tag" doc:"Slug of a tag that devices must bear for stacks to look at them; any if left out."`
	WriteBack string   `yaml:"writeBack" default:"direct" check:"enum=direct|journal-only|none" doc:"The most that stacks may write: direct, the devices themselves; journal-only, what would be written, in the devices' journals; none, nothing."`
}

// GitLab is one that is told what comes of looks at the stacks whose repositories
// it has.
type GitLab struct {
	Name        string   `yaml:"name" check:"required,nonempty" doc:"Name that stacks call it by."`
	URL         string   `yaml:"url" doc:"Its address, such as https://gitlab.com. Required."`
	Token       Ref      `yaml:"token" doc:"A token with scope api whose user has the role Developer in the projects. Required."`
	CA          string   `yaml:"ca" doc:"A file of certificates in PEM that may vouch for it, beside the machine's."`
	Statuses    bool     `yaml:"statuses" default:"true" doc:"Whether commits get a status."`
	Deployments bool     `yaml:"deployments" default:"true" doc:"Whether runs are deployments to an environment."`
	Issues      bool     `yaml:"issues" default:"true" doc:"Whether a stack that drifted has an issue."`
	Notes       bool     `yaml:"notes" default:"true" doc:"Whether merge requests get a note that says what they will do; it takes a webhook."`
	Reverts     bool     `yaml:"reverts" default:"true" doc:"Whether a rollback opens the merge request that undoes its commits on the branch."`
	Commands    Commands `yaml:"commands" doc:"Which role in the project comments on merge requests take that order something; it takes a webhook."`
}

// Commands are the roles that commands in comments take.
type Commands struct {
	Plan  string `yaml:"plan" default:"developer" check:"enum=off|developer|maintainer|owner" doc:"For: reconcile plan."`
	Apply string `yaml:"apply" default:"maintainer" check:"enum=off|developer|maintainer|owner" doc:"For: reconcile apply, which approves in mode propose."`
	Hold  string `yaml:"hold" default:"maintainer" check:"enum=off|developer|maintainer|owner" doc:"For: reconcile hold."`
}

// Any tells whether any command is heeded.
func (c Commands) Any() bool { return c.Plan != "off" || c.Apply != "off" || c.Hold != "off" }

// Notify is somebody who is told of what happens.
type Notify struct {
	Name   string        `yaml:"name" check:"required,nonempty" doc:"Name in the log."`
	Type   string        `yaml:"type" default:"webhook" check:"enum=webhook|slack" doc:"webhook: the message as JSON; slack: as Slack and Mattermost take it."`
	URL    Ref           `yaml:"url" doc:"Where it is sent; the address is a secret by itself."`
	Secret Ref           `yaml:"secret" doc:"What the message is signed with."`
	Stacks []string      `yaml:"stacks" plan:"set" doc:"Names or patterns of stacks; all if left out."`
	Events []string      `yaml:"events" plan:"set" doc:"What is told; everything if left out."`
	Least  string        `yaml:"least" default:"info" check:"enum=info|warning|critical" doc:"What is less urgent is not told, but for what ends something."`
	Remind time.Duration `yaml:"remind" default:"24h" doc:"How often it is said again while it goes on; 0s: never."`
}

// OIDC is somebody whose ID tokens the API takes.
type OIDC struct {
	Issuer   string            `yaml:"issuer" check:"required,nonempty" doc:"Address of the issuer, such as https://gitlab.com."`
	Audience string            `yaml:"audience" check:"required,nonempty" doc:"What the token must be made for."`
	Claims   map[string]string `yaml:"claims" doc:"Claims that the token must have, each with its value, word for word, such as project_path: group/shop; at least one."`
	Role     string            `yaml:"role" default:"read" check:"enum=read|operate|approve" doc:"What such a token allows."`
	Stacks   []string          `yaml:"stacks" plan:"set" doc:"Names or patterns of stacks; all if left out."`
}

// Checkpoints are signed ends of the journals that leave the machine.
type Checkpoints struct {
	Key     Ref      `yaml:"key" doc:"A file with an Ed25519 private key in PEM; checkpoint.key in the store's folder if left out. It is made if it is not there."`
	Anchors []Anchor `yaml:"anchors" doc:"Where they go."`
}

// Anchor is a place where checkpoints go.
type Anchor struct {
	Type   string `yaml:"type" default:"file" check:"enum=file|webhook|git-note|gitlab-status" doc:"file: a line of a file; webhook: a request; git-note: a note on the commit that was applied; gitlab-status: a status of that commit in GitLab, in short."`
	Path   string `yaml:"path" doc:"Of the file."`
	URL    Ref    `yaml:"url" doc:"Of the webhook."`
	Secret Ref    `yaml:"secret" doc:"What requests to the webhook are signed with."`
}

// Retention is how long things stay in the store. Records go as whole segments,
// and only once they were exported.
type Retention struct {
	Records time.Duration `yaml:"records" default:"0s" doc:"Age from which records are exported and removed, such as 400d, as far as a checkpoint that left the machine covers them; 0s: never."`
	Runs    time.Duration `yaml:"runs" default:"90d" doc:"Age from which runs and their files are removed; 0s: never."`
	Export  string        `yaml:"export" doc:"Folder that records are exported to; needed to remove them."`
}
