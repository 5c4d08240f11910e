package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// adoptFlags are those of inventory adopt.
type adoptFlags struct {
	location string
	name     string
	file     string
}

func (a *app) inventoryAdopt() *cobra.Command {
	var f adoptFlags
	cmd := &cobra.Command{
		Use:   "adopt DEVICE [PATH]",
		Short: "Write the manifest by which the stack takes a device over",
		Long: `Adopt makes a Device manifest of what NetBox says of a device, with its ID in the
annotation reconcile/adopt, and prints it or writes it into the folder. Nothing is
written to NetBox: the next plan shows the device with =, and its first real change
gives it the stack's mark. A device of another stack is refused.

Exit status: 0 printed or written; 1 error.`,
		Example: `  reconcile inventory adopt bm-par2-01
  reconcile inventory adopt 42 --name db-1 --write devices.yaml`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args[1:])
			return a.adoptDevice(cmd.Context(), args[0], f)
		},
	}
	cmd.Flags().StringVar(&f.name, "name", "", "name of the manifest (default: the device's, in lower case)")
	cmd.Flags().StringVar(&f.file, "write", "", "write it into this file of the folder, behind what is there")
	return cmd
}

func (a *app) adoptDevice(ctx context.Context, word string, f adoptFlags) error {
	if f.file != "" {
		if err := inFolderOnly("inventory adopt --write", scope{location: f.location}); err != nil {
			return err
		}
	}
	s, err := a.inventorying(ctx, f.location, true)
	if err != nil {
		return err
	}
	defer s.close()
	row, err := s.device(ctx, word)
	if err != nil {
		return err
	}
	entry := inventory.Entry{Row: row}
	name := orElse(f.name, inventory.ManifestName(row.Name))
	if err := s.adoptable(&entry, name); err != nil {
		return err
	}
	live, err := s.liveDevice(ctx, row)
	if err != nil {
		return err
	}
	text := manifest.Write(inventory.Adoption(name, live, fmt.Sprint(row.ID)))
	if strings.Contains(string(text), "${") {
		return fmt.Errorf("device %d (%s) bears a text with ${ in NetBox, which a manifest would take for a reference; give it another there", row.ID, reconcile.Clean(row.Name))
	}
	if f.file == "" {
		_, err = a.out.Write(text)
		return err
	}
	return s.writeAdoption(name, f.file, text)
}

// adoptable says why a stack may not take a device over, or not by that name.
func (s *session) adoptable(entry *inventory.Entry, name string) error {
	row, stack := &entry.Row, &s.src.Stack
	if name == "" {
		return fmt.Errorf("device %d is called %q, which no manifest can be: name it with --name", row.ID, row.Name)
	}
	if err := reconcile.CheckName(name); err != nil {
		return fmt.Errorf("--name: %w", err)
	}
	if want := s.wantedDevice(entry); want != nil {
		return fmt.Errorf("device %d is the stack's already: %s at %s", row.ID, want.Key, want.Manifest.Pos.Short())
	}
	for i := range s.src.Manifests {
		if m := &s.src.Manifests[i]; m.Key == reconcile.NewKey(inventory.DeviceKind, name) {
			return fmt.Errorf("%s stands at %s already, for another device; choose another name with --name", m.Key, m.Pos.Short())
		}
	}
	if mark := entry.Mark(); !mark.IsZero() && !stack.MayRead(mark) {
		return fmt.Errorf("device %d (%s) is another stack's: %s of %s; that one has to let go of it first: reconcile forget %s", row.ID, row.Name, mark.Key, mark.Owner(), mark.Key)
	}
	if in := stack.Inventory; !(inventory.Pick{Within: in}).Has(row) {
		return fmt.Errorf("device %d (%s) is none that the stack looks at: site %s, tenant %s (%s)", row.ID, row.Name, row.Site.Slug, orElse(row.Tenant.Slug, "none"), in.Pos.Short())
	}
	return nil
}

// liveDevice is a device as the kind reads it.
func (s *session) liveDevice(ctx context.Context, row inventory.DeviceRow) (*inventory.Device, error) {
	kinds := inventory.Kinds(inventory.Options{Server: s.netbox, Within: s.src.Stack.Inventory, Clock: s.clock})
	kind, _ := kinds.Find(inventory.DeviceKind)
	live, _, err := kind.Get(ctx, s.src.Stack.Scope(kind, ""), fmt.Sprint(row.ID))
	if err != nil {
		return nil, fmt.Errorf("read device %d: %w", row.ID, err)
	}
	return live.Spec.(*inventory.Device), nil
}

// writeAdoption adds a manifest to a file of the folder, if it can be read there.
func (s *session) writeAdoption(name, file string, text []byte) error {
	local := filepath.ToSlash(filepath.Clean(file))
	if ext := filepath.Ext(local); !filepath.IsLocal(local) || ext != ".yaml" && ext != ".yml" {
		return fmt.Errorf("--write %s: wants a file of the folder, such as devices.yaml", reconcile.Clean(file))
	}
	path := filepath.Join(s.manifests(), filepath.FromSlash(local))
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--write: %w", err)
	}
	whole := behindAll(old, text)
	if _, problems := manifest.Parse(local, whole); problems.Err() != nil {
		return fmt.Errorf("--write %s: nothing can be written behind what is there: %w", local, problems.Err())
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("--write: %w", err)
	}
	if err := replaceFile(path, whole); err != nil {
		return fmt.Errorf("--write: %w", err)
	}
	_, err = fmt.Fprintf(s.out, "Wrote Device/%s to %s. Look at it, and commit it; the next plan shows it with =.\n", name, local)
	return err
}

// behindAll is a document behind those of a file.
func behindAll(old, text []byte) []byte {
	if strings.TrimSpace(string(old)) == "" {
		return text
	}
	if !strings.HasSuffix(string(old), "\n") {
		old = append(old, '\n')
	}
	return append(append(old, "---\n"...), text...)
}
