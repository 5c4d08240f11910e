package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// configPace is how often the operator's file is looked at for a change.
const configPace = 2 * time.Second

// readConfig reads an operator's file.
func readConfig(file string) (daemon.Config, [sha256.Size]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return daemon.Config{}, [sha256.Size]byte{}, fmt.Errorf("read the operator's file: %w", err)
	}
	config, problems := decodeConfig(filepath.Base(file), data)
	if problems.Err() != nil {
		err = &badConfig{problems, strings.Split(string(data), "\n")}
	} else {
		err = checkHolders(&config)
	}
	for i := range config.Stacks {
		config.Stacks[i].URL = whereItIs(config.Stacks[i].URL)
	}
	return config, sha256.Sum256(data), err
}

func decodeConfig(name string, data []byte) (daemon.Config, reconcile.Problems) {
	documents, problems := manifest.ParseOwn(name, data)
	switch {
	case problems.Err() != nil:
		return daemon.Config{}, problems
	case len(documents) > 1:
		return daemon.Config{}, reconcile.Problems{{Pos: documents[1].Pos, Message: "a second document, and the operator's file has one"}}
	case len(documents) == 0:
		return daemon.Decode(reconcile.Map(reconcile.Pos{File: name, Line: 1}))
	}
	return daemon.Decode(documents[0])
}

// badConfig is an operator's file that cannot be used. It holds no secrets: these
// stand elsewhere.
type badConfig struct {
	problems reconcile.Problems
	lines    []string
}

func (b *badConfig) Error() string { return b.problems.Errors(false).Error() }

// tell shows the problems with their lines.
func (b *badConfig) tell(w io.Writer) {
	manifest.Format(w, b.problems, func(at reconcile.Pos) string {
		if at.Line < 1 || at.Line > len(b.lines) {
			return ""
		}
		return b.lines[at.Line-1]
	}, 1)
}

// oneStack is the configuration for a single stack that no file describes.
func oneStack(f serveFlags) (daemon.Config, error) {
	at := reconcile.Pos{File: "the command line"}
	text := func(key, value string) reconcile.Entry {
		return reconcile.Entry{Key: key, Pos: at, Value: reconcile.String(value, at)}
	}
	stack := reconcile.Map(at, text("name", nameOf(f)), text("url", whereItIs(f.location)))
	for key, value := range map[string]string{"branch": f.branch, "path": f.path} {
		if value != "" {
			stack = stack.With(text(key, value))
		}
	}
	if isFolder(f.location) {
		stack = stack.With(text("poll", localPoll))
	}
	config, problems := daemon.Decode(reconcile.Map(at, reconcile.Entry{Key: "stacks", Pos: at, Value: reconcile.List(at, stack)}))
	if err := problems.Err(); err != nil {
		return daemon.Config{}, err
	}
	config.Stacks[0].Bounds.Env = f.allowEnv
	config.Stacks[0].Bounds.Projects = []string{"*"} // whoever starts it has chosen the repository, and a key for it
	return config, nil
}

// whereItIs is a repository's address as it means the same everywhere: a folder's
// from the root.
func whereItIs(address string) string {
	if abs, err := filepath.Abs(address); err == nil && isFolder(address) {
		return abs
	}
	return address
}

// nameOf is what the single stack goes by: what its manifests call it, if they
// are at hand, else what its folder or repository is called.
func nameOf(f serveFlags) string {
	if isFolder(f.location) {
		stack := manifest.Read(os.DirFS(filepath.Join(f.location, f.path)), manifest.Options{Kinds: knownKinds()}).Stack
		if stack.Declared && reconcile.CheckName(stack.Name) == nil {
			return stack.Name
		}
	}
	return fitName(stackName(orElse(f.path, "."), fromAnywhere(f.location)))
}

// localPoll is how often a folder's branch is looked at, which costs nothing.
const localPoll = "1s"

// follow reloads the operator's file when it changes, and when hup says so, until
// ctx ends.
func (s *serving) follow(ctx context.Context, hup <-chan os.Signal) {
	ticks := time.NewTicker(configPace)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			s.reload(ctx, true)
		case <-ticks.C:
			s.reload(ctx, false)
		}
	}
}

// reload takes the operator's file over as it is now. One that cannot be used
// changes nothing. asked says that a person waits for an answer.
func (s *serving) reload(ctx context.Context, asked bool) {
	if asked {
		defer notifyReloading(s.log)()
	}
	if s.file == "" {
		if asked {
			s.log.Info("there is no operator's file to read again: the daemon was started without --config")
		}
		return
	}
	config, sum, err := readConfig(s.file)
	known := sum == s.sum && (err == nil) == (s.refused == nil)
	if known && !asked {
		return
	}
	s.sum = sum
	if err == nil {
		err = cmp.Or(s.unmoved(config), s.settingsOf(&config).Check())
	}
	if s.refused = err; err != nil {
		s.refuse(err)
		return
	}
	changes, err := s.take(ctx, config)
	if err != nil {
		s.log.Error("the operator's file counts, but the store did not take it over", "file", s.file, "error", err)
	}
	if len(changes) == 0 && err == nil {
		s.log.Info("the operator's file was read again; nothing in it differs", "file", s.file)
	}
	for _, change := range changes {
		s.log.Info("the operator's file changed", "file", s.file, "change", change)
	}
}

// unmoved refuses what counts at the start of a process only.
func (s *serving) unmoved(config daemon.Config) error {
	before := s.config.Load()
	switch {
	case config.Store != before.Store:
		return errors.New("store: it is taken at the start; restart the daemon to move it")
	case config.Listen != before.Listen:
		return errors.New("listen: it is taken at the start; restart the daemon to move it")
	case config.TLS != before.TLS:
		return errors.New("tls: its files are named at the start, and read again when they change; restart the daemon to name others")
	case config.Workers != before.Workers:
		return errors.New("workers: they are taken at the start; restart the daemon to change them")
	}
	return nil
}

// take has a configuration count from now on, and says what differs.
func (s *serving) take(ctx context.Context, config daemon.Config) ([]string, error) {
	s.config.Store(&config)
	s.warnExposed(&config)
	s.line.config.Store(&config)
	s.gitlabs.use(&config)
	err := s.messages.use(ctx, &config)
	changes, failed := s.daemon.Reload(ctx, config)
	return changes, errors.Join(err, failed, s.makeKey())
}

// refuse tells that the operator's file cannot be used.
func (s *serving) refuse(err error) {
	s.log.Error("the operator's file cannot be used; what was read before goes on", "file", s.file, "error", err)
	now := s.clock.Now()
	s.messages.tell(reconcile.Message{
		Event: reconcile.ConfigRefused, Severity: reconcile.Warning, At: now, Since: now, Again: "config-refused",
		Sentence: "The operator's file cannot be used, and what was read before goes on", Details: strings.Split(err.Error(), "\n"),
	})
}
