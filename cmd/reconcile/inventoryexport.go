package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// exportFlags are those of inventory export.
type exportFlags struct {
	pickFlags
	ansible, list bool
	host          string
	file          string
	salt          string // a folder
	refresh       bool
}

func (a *app) inventoryExport() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export [PATH]",
		Short: "Tell Ansible or Salt of the devices",
		Long: `Export writes the devices in the form that Ansible takes from inventory scripts,
with --ansible, or with --salt as a folder of a roster and pillars. In a stack's
folder these are the devices that the stack looks at. The same devices always give
the same bytes. Nothing secret is in them: custom fields of others and config
contexts are left out.

With --refresh the minions whose pillars changed read them again, through salt-api:
SALT_API_URL, SALT_API_USER, SALT_API_PASSWORD, and SALT_API_EAUTH if it is not pam.

Exit status: 0 exported; 1 error, or a minion did not answer: it is asked again next
time.`,
		Example: `  reconcile inventory export --ansible -o inventory.json
  reconcile inventory export --ansible --host bm-par2-01
  reconcile inventory export --salt /srv/reconcile --status active --refresh`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args)
			return a.export(cmd.Context(), f)
		},
	}
	f.flags(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&f.ansible, "ansible", false, "as an inventory of Ansible")
	fl.BoolVar(&f.list, "list", false, "with --ansible: all of it, which is what it prints anyway (Ansible passes it to inventory scripts)")
	fl.StringVar(&f.host, "host", "", "with --ansible: only the variables of this host")
	fl.StringVarP(&f.file, "output", "o", "", "with --ansible: write it into this file, if it is not the same")
	fl.StringVar(&f.salt, "salt", "", "as files for a Salt master, into this folder: roster and pillar/")
	fl.BoolVar(&f.refresh, "refresh", false, "with --salt: have minions whose pillars changed read them, through salt-api")
	return cmd
}

// check refuses flags that mean nothing together.
func (f *exportFlags) check() error {
	switch {
	case f.ansible == (f.salt != ""):
		return errors.New("export to whom? give --ansible, or --salt FOLDER")
	case f.salt != "" && (f.list || f.host != "" || f.file != ""):
		return errors.New("--list, --host and -o are for --ansible")
	case f.ansible && f.refresh:
		return errors.New("--refresh is for --salt")
	case f.list && f.host != "":
		return errors.New("--list is all hosts, --host is one; choose one of them")
	}
	return nil
}

func (a *app) export(ctx context.Context, f exportFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	var api *inventory.SaltAPI
	if f.refresh { // before anything is written
		var err error
		if api, err = a.saltAPI(); err != nil {
			return err
		}
	}
	s, err := a.inventorying(ctx, f.location, true)
	if err != nil {
		return err
	}
	defer s.close()
	pick, err := s.pick(f.pickFlags)
	if err != nil {
		return err
	}
	entries, err := inventory.Entries(ctx, s.netbox, pick, true)
	if err != nil {
		return err
	}
	if f.salt != "" {
		return s.exportSalt(ctx, f.salt, entries, api)
	}
	return s.exportAnsible(f, entries)
}

func (s *session) exportAnsible(f exportFlags, entries []inventory.Entry) error {
	all := inventory.NewAnsible(entries)
	if f.host != "" {
		return indented(s.out, all.Host(f.host))
	}
	s.tellNotices(all.Notices)
	if f.file == "" {
		return indented(s.out, all)
	}
	text, err := indentedBytes(all)
	if err != nil {
		return err
	}
	_, err = keepFile(f.file, text)
	return err
}

// tellNotices says on standard error what an export does otherwise than one might think.
func (s *session) tellNotices(notices []string) {
	for _, notice := range notices {
		fmt.Fprintln(s.err, reconcile.Clean("export: "+notice))
	}
}
