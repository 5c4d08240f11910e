package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile/journal"
)

func (a *app) auditKey() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "key --out FILE",
		Short: "Make the key that signs checkpoints",
		Long: `Key makes an Ed25519 key, writes it to a new file that only its owner may read,
and prints the public key, which whoever checks the journal needs. Keep the
public key away from the machine that signs: in the repository, say.

openssl makes the same: openssl genpkey -algorithm ed25519 -out FILE (under umask
077), and openssl pkey -in FILE -pubout prints the public key.

Exit status: 0 made; 1 error, also if the file is there already.`,
		Example: `  reconcile audit key --out checkpoints.key > checkpoints.pub`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if out == "" {
				return errors.New("--out: wants the name of a new file")
			}
			public, err := journal.MakeKey(out)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.err, "The key %s is in %s. Its public key:\n", journal.KeyID(public), out)
			_, err = fmt.Fprint(a.out, journal.PublicText(public))
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write the private key to")
	return cmd
}
