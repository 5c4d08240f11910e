package repo

import (
	"fmt"
	"path"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// Options say what is read of a location, and how much of it at most. The zero
// value is the folder as it is, or a repository's default branch.
type Options struct {
	Ref        string        // branch, tag or full hash; "" is HEAD, and for a folder the work tree as it is
	Path       string        // folder inside the location, slashes between names
	Store      string        // directory of bare stores; made with mode 0700. "" does without remote history
	Auth       Auth          // the zero value asks the environment
	MaxPack    int64         // bytes of one fetch, and of a folder outside Git; 0 is 256 MiB
	MaxObjects int           // objects of one fetch, files of a folder; 0 is 50,000
	Timeout    time.Duration // of one fetch; 0 is 60 s
	Verify     Verify
	Except     []string // files, as absolute paths, whose being there does not make a folder dirty
}

// The limits that hold unless Options say otherwise.
const (
	DefaultMaxPack    = 256 << 20
	DefaultMaxObjects = 50_000
	DefaultTimeout    = 60 * time.Second
)

// Auth are the credentials for Git servers. What is empty is asked of the
// environment, when a server is first spoken to:
//
//	RECONCILE_GIT_TOKEN         a token for https
//	RECONCILE_GIT_TOKEN_FILE    a file that holds it, readable by its owner only
//	RECONCILE_GIT_USERNAME      its user, "oauth2" by default
//	CI_JOB_TOKEN                used where the host is that of CI_SERVER_HOST
//	RECONCILE_GIT_SSH_KEY_FILE  a private key for ssh, readable by its owner only
//	SSH_AUTH_SOCK               an ssh agent
//	RECONCILE_KNOWN_HOSTS       known_hosts, ~/.ssh/known_hosts by default
type Auth struct {
	Username   string
	Token      reconcile.Secret
	TokenFile  string
	SSHKeyFile string
	KnownHosts string
	// Env looks up the variables above; nil is the process's environment.
	Env func(name string) string
}

// defaulted fills in the limits and refuses what no repository could mean.
func (o Options) defaulted() (Options, error) {
	if o.MaxPack == 0 {
		o.MaxPack = DefaultMaxPack
	}
	if o.MaxObjects == 0 {
		o.MaxObjects = DefaultMaxObjects
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxPack < 0 || o.MaxObjects < 0 || o.Timeout < 0 {
		return o, fmt.Errorf("limits of a Git source must not be negative")
	}
	if err := checkRef(o.Ref); err != nil {
		return o, err
	}
	var err error
	o.Path, err = inside(".", o.Path)
	return o, err
}

func (o Options) limits() limits { return limits{pack: o.MaxPack, objects: o.MaxObjects} }

// inside joins a relative path to a folder. It never leaves the repository.
func inside(folder, rel string) (string, error) {
	joined := path.Join(folder, rel)
	if path.IsAbs(rel) || joined == ".." || len(joined) > 2 && joined[:3] == "../" {
		return "", fmt.Errorf("folder %s: it leads out of the repository", quote(rel))
	}
	if rel == "" {
		return folder, nil
	}
	return joined, nil
}
