package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
	"gitlab.com/reconciled/reconciled/reconcile/repo"
	"gitlab.com/reconciled/reconciled/reconcile/secrets"
)

// scope is what the verbs on a stack are asked about.
type scope struct {
	location string
	path     string
	ref      string
	files    []string // -f
	strict   bool
	targets  []string
	excludes []string
	allowEnv []string
	signers  string   // a file of allowed signers
	gpgKeys  string   // a file of armored keys
	planFile string   // the plan that is saved or applied: its being in the folder changes nothing
	beside   []string // nor does that of these, which are written or were
	gitlab   string   // --gitlab: "auto", or "off"
}

func (s *scope) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.ref, "ref", "", "branch, tag or commit to read (default: a folder as it is, of a URL its HEAD)")
	f.StringVar(&s.path, "path", "", "folder inside the repository that holds the stack (default: its top)")
	f.StringArrayVarP(&s.files, "file", "f", nil, "read just this manifest (repeatable); nothing else of the stack is looked at")
	f.BoolVar(&s.strict, "strict", false, "refuse what is otherwise a warning, such as secrets in clear")
	f.StringVar(&s.signers, "allowed-signers", "", "refuse a commit that none of these signed with ssh (a file as ssh-keygen knows it)")
	f.StringVar(&s.gpgKeys, "gpg-keys", "", "refuse a commit that none of these armored OpenPGP keys signed (a file)")
	f.StringArrayVar(&s.allowEnv, "allow-env", nil, "name or pattern of variables that manifests may read (repeatable); in CI none are, unless named here or in RECONCILE_ALLOW_ENV")
}

func (s *scope) picks(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&s.targets, "target", nil, "only this key, what is below it and what it needs (repeatable)")
	cmd.Flags().StringArrayVar(&s.excludes, "exclude", nil, "all but this key and what is below it (repeatable)")
	gitlabFlag(cmd, &s.gitlab)
}

// session is one verb's work on one stack.
type session struct {
	*app
	scope
	reading
	kinds   reconcile.Kinds
	wish    *reconcile.Wish
	client  *scaleway.Client
	netbox  inventory.Server // nil: there is none
	store   reconcile.Store
	held    reconcile.Lease // of the stack, once it is taken
	orders  *heeding
	engine  *reconcile.Engine
	world   *reconcile.World   // as plan and drift saw it
	outcome *reconcile.Outcome // of apply, once there is one
	sources *secrets.Sources   // of values; nil if none were looked up
	clock   reconcile.Clock
	folder  string   // of the store
	names   []string // of the files that -f names, in the tree
	closers []func()
}

func (s *session) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
	s.closers = nil
}

func (s *session) onClose(f func()) { s.closers = append(s.closers, f) }

// read opens the source and reads its manifests. Nothing is asked of Scaleway.
func (a *app) read(ctx context.Context, where scope) (*session, error) {
	s := &session{app: a, scope: where, clock: a.clock}
	if s.clock == nil {
		s.clock = reconcile.RealClock{}
	}
	if s.location == "" {
		s.location = "."
	}
	names, err := s.narrow()
	if err != nil {
		return nil, err
	}
	s.folder = a.flags.store
	if s.folder == "" {
		s.folder = filepath.Join(s.top(), ".reconcile")
	}
	verify, err := s.verify()
	if err != nil {
		return nil, err
	}
	source, err := repo.Open(ctx, s.location, repo.Options{
		Ref: s.ref, Path: s.path, Store: filepath.Join(s.folder, "git"), Auth: repo.Auth{Env: a.getenv}, Verify: verify, Except: s.except(),
	})
	if err != nil {
		return nil, err
	}
	s.onClose(source.Close)
	s.kinds, s.names = knownKinds(), names
	if s.reading, err = readStack(ctx, source, s.kinds, stackName(source.Rel(), fromAnywhere(s.location)), names); err != nil {
		return nil, err
	}
	return s, s.distinct(ctx)
}

// except are files of ours that may lie in the folder.
func (s *session) except() []string {
	var out []string
	for _, name := range append(slices.Clone(s.beside), s.planFile) {
		if name != "" {
			out = append(out, realPath(name))
		}
	}
	return out
}

// verify is whose signature the commit must bear. It is the operator's choice,
// so it never stands in the repository.
func (s *session) verify() (v repo.Verify, err error) {
	for _, from := range []struct {
		file string
		into *[]byte
	}{{s.signers, &v.AllowedSigners}, {s.gpgKeys, &v.GPGKeys}} {
		if from.file == "" {
			continue
		}
		v.Mode = "HEAD"
		if *from.into, err = os.ReadFile(from.file); err != nil {
			return v, fmt.Errorf("read the keys that may sign: %w", err)
		}
	}
	return v, nil
}

// narrow turns -f FILE into the file's folder and its name in there.
func (s *session) narrow() (names []string, err error) {
	for i, file := range s.files {
		dir, name := filepath.Split(filepath.Clean(file))
		if dir = filepath.Clean(dir); i > 0 && dir != s.location {
			return nil, fmt.Errorf("-f %s: the files must stand in one folder, %s", file, s.location)
		}
		s.location = dir
		names = append(names, name)
	}
	return names, nil
}

// top is the folder that the store is kept in: the top of the manifests' work
// tree, or where the command runs.
func (s *session) top() string {
	if info, err := os.Stat(s.location); err == nil && info.IsDir() {
		if source, err := repo.Open(context.Background(), s.location, repo.Options{}); err == nil {
			defer source.Close()
			if root := source.Root(); root != "" {
				return root
			}
		}
	}
	return s.dir
}

// fromAnywhere is a location as it can be named from anywhere, slashes between names.
func fromAnywhere(location string) string {
	if abs, err := filepath.Abs(location); err == nil && isFolder(location) {
		location = abs
	}
	return filepath.ToSlash(location)
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// distinct holds the stack against the others of the repository.
func (s *session) distinct(ctx context.Context) error {
	if s.src.Stack.UID == "" {
		return nil
	}
	all, err := s.neighbours(ctx)
	if err == nil {
		s.beDistinct(all)
	}
	return err
}

// expand looks values up and makes the desired state. Problems are told to
// people; the error then says no more.
func (s *session) expand(ctx context.Context, look bool) (err error) {
	var values reconcile.Values
	if look {
		if s.sources, err = s.lookups(); err != nil {
			return err
		}
		values = reconcile.Look(ctx, s.src.Manifests, s.sources)
		s.src.Seen = reconcile.Survey(ctx, s.src, s.kinds)
	}
	wish, problems := reconcile.Expand(s.src, s.kinds, values)
	s.wish = wish
	all := append(append(reconcile.Problems{}, s.src.Problems...), problems...)
	if s.strict {
		for i := range all {
			all[i].Warning = false
		}
	}
	if len(all) > 0 {
		manifest.Format(s.err, all, s.src.Text, s.src.Files)
	}
	if err := all.Err(); err != nil {
		return errors.Join(saidError{exitError}, err)
	}
	return nil
}

// lookups are where values come from.
func (s *session) lookups() (*secrets.Sources, error) {
	allow := append([]string(nil), s.allowEnv...)
	allow = append(allow, words(s.getenv("RECONCILE_ALLOW_ENV"))...)
	if allow == nil && s.getenv("CI") != "" {
		allow = []string{}
	}
	holders, err := s.holders()
	from := &secrets.Sources{Env: s.lookup, Allow: allow, File: s.src.ReadFile, Fits: manifest.Fits, Holders: holders}
	return withSafe(from, s.src, s.client), err
}

// holders are who may be asked for the keys of encrypted files.
func (a *app) holders() (secrets.Holders, error) {
	holders := secrets.Holders(words(a.getenv("RECONCILE_KEY_SERVICES")))
	if err := holders.Err(); err != nil {
		return nil, fmt.Errorf("RECONCILE_KEY_SERVICES: %w", err)
	}
	return holders, nil
}

// words are those of a list that stands in one variable.
func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
