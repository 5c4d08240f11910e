package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
	"gitlab.com/reconciled/reconciled/reconcile/repo"
)

// What init writes; NAME and UID are filled in.
var (
	//go:embed template/stack.yaml
	stackTemplate string
	//go:embed template/container.yaml
	containerTemplate string
)

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Begin a stack: write its manifest and that of a first container",
		Long: `Init writes stack.yaml, with a uid of its own, and container.yaml, a container
that serves a web page. The stack bears the folder's name. Files that are there
already are never touched. Nothing is asked of Scaleway.

Exit status: 0 done; 1 error.`,
		Example: `  reconcile init
  reconcile init infra/shop-prod`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.begin(cmd.Context(), orElse(first(args), "."))
		},
	}
}

func (a *app) begin(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	if stack := manifest.Read(os.DirFS(dir), manifest.Options{Kinds: knownKinds()}).Stack; stack.Declared {
		return fmt.Errorf("init: the stack %s stands at %s already; nothing was written. Choose another folder; "+
			"a stack that lacks a uid may take this one: %s", stack.Name, filepath.Join(dir, stack.Pos.Short()), newUID())
	}
	source, err := repo.Open(ctx, dir, repo.Options{})
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	defer source.Close()
	fill := strings.NewReplacer("NAME", fitName(stackName(source.Rel(), fromAnywhere(dir))), "UID", newUID())
	if err := writeNew(dir, map[string]string{"stack.yaml": fill.Replace(stackTemplate), "container.yaml": fill.Replace(containerTemplate)}); err != nil {
		return err
	}
	if err := a.checkBegun(ctx, dir); err != nil {
		return err
	}
	return a.tellNext(dir, source.Root() != "")
}

// fitName is a folder's name as far as it can be a stack's.
func fitName(name string) string {
	name = strings.Trim(name[:min(len(name), 63)], "-")
	if reconcile.CheckName(name) != nil {
		return "stack"
	}
	return name
}

// newUID is a random UUID, version 4.
func newUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails: it ends the program first
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// writeNew writes all files or none; one that is there already is an error.
func writeNew(dir string, files map[string]string) error {
	var written []string
	for name, text := range files {
		path := filepath.Join(dir, name)
		err := writeOne(path, text)
		if err == nil {
			written = append(written, path)
			continue
		}
		for _, other := range written {
			err = errors.Join(err, os.Remove(other))
		}
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("init: %s is there already, and is not overwritten; nothing was written. Choose another folder, or move the file away", path)
		}
		return fmt.Errorf("init: %w", err)
	}
	return nil
}

func writeOne(path, text string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := file.WriteString(text); err != nil {
		return errors.Join(err, file.Close(), os.Remove(path))
	}
	return file.Close()
}

// checkBegun validates what was written, together with what stood there before.
func (a *app) checkBegun(ctx context.Context, dir string) error {
	s, err := a.read(ctx, scope{location: dir})
	if s != nil {
		defer s.close()
	}
	if err != nil {
		return err
	}
	s.src.Stack.Offline()
	return s.expand(ctx, false)
}

func (a *app) tellNext(dir string, inGit bool) error {
	enter, repository := "", ""
	if dir != "." {
		enter = fmt.Sprintf("  %-35sthe others work in there\n", "cd "+dir)
	}
	if !inGit {
		repository = "git init && "
	}
	_, err := fmt.Fprintf(a.out, `Wrote %s and %s.

Next:
%s  reconcile plan --simulator         says what would be made; needs no account
  reconcile doctor                   checks the key, the project and the permissions
  %sgit add . && git commit -m "Begin the stack"
  reconcile plan && reconcile apply
`, filepath.Join(dir, "stack.yaml"), filepath.Join(dir, "container.yaml"), enter, repository)
	return err
}
