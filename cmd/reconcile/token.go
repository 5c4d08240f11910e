package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/report"
)

func (a *app) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke tokens for a daemon's API",
		Long: `Token looks after the tokens that a daemon's API takes. The store keeps their
hashes only: a token is made here, and printed once.`,
	}
	cmd.AddCommand(a.tokenCreate(), a.tokenList(), a.tokenRevoke())
	return cmd
}

// withTokens opens the store that flags and environment name.
func (a *app) withTokens(ctx context.Context, f func(reconcile.Store) error) error {
	t := &aimed{app: a, close: func() {}}
	if err := t.openNamed(ctx, true); err != nil {
		return err
	}
	defer t.close()
	return f(t.store)
}

func (a *app) tokenCreate() *cobra.Command {
	var role, expires string
	var stacks []string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token and print it, once",
		Long: `Create makes a token and prints it on standard output, once. Role read sees
everything; operate also nudges, suspends, holds, cancels, and applies through the
daemon; approve also approves, accepts, rolls back, overrides, freezes, and makes
tokens.

Exit status: 0 made; 1 error.`,
		Example: `  reconcile token create ci-shop --role operate --stacks shop-* --expires 90d
  RECONCILE_TOKEN=$(reconcile token create laptop --role read --expires 2h)`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, secret, err := a.newToken(args[0], role, stacks, expires)
			if err != nil {
				return err
			}
			return a.withTokens(cmd.Context(), func(st reconcile.Store) error {
				if err := st.SaveToken(cmd.Context(), token); err != nil {
					return err
				}
				fmt.Fprintf(a.err, "Token %s for %s, role %s, %s. It is shown this once.\n", token.ID, reconcile.Clean(token.Name), token.Role, expiry(token))
				_, err := fmt.Fprintln(a.out, secret)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&role, "role", "read", "read, operate or approve")
	cmd.Flags().StringSliceVar(&stacks, "stacks", nil, "names or patterns of the stacks that it is for (default: all)")
	cmd.Flags().StringVar(&expires, "expires", "90d", "when it expires: a time, a date, or a duration from now such as 90d; never is never")
	return cmd
}

func (a *app) newToken(name, role string, stacks []string, expires string) (token reconcile.Token, secret string, err error) {
	now := time.Now()
	token = reconcile.Token{Name: name, Role: reconcile.Role(role), Stacks: stacks, Created: now.UTC(), By: a.actor()}
	if !token.Role.Allows(reconcile.Read) {
		return token, "", fmt.Errorf("--role %s: there are read, operate, approve", role)
	}
	for _, pattern := range stacks {
		if _, err := path.Match(pattern, ""); err != nil {
			return token, "", fmt.Errorf("--stacks %s: wants a name, or a pattern with * and ?", pattern)
		}
	}
	if expires != "never" {
		if token.Expires, err = moment("--expires", expires, now, 1); err != nil {
			return token, "", err
		}
		if !token.Expires.After(now) {
			return token, "", fmt.Errorf("--expires %s: that is past", expires)
		}
	}
	id := make([]byte, 6)
	rand.Read(id) // never fails
	token.ID = hex.EncodeToString(id)
	secret, token.Hash = reconcile.NewToken()
	return token, secret, nil
}

func expiry(t reconcile.Token) string {
	if t.Expires.IsZero() {
		return "never expires"
	}
	return "expires " + t.Expires.Format(time.RFC3339)
}

// tokenList is what token list -o json prints.
type tokenList struct {
	FormatVersion string            `json:"format_version"`
	Tokens        []reconcile.Token `json:"tokens"`
}

func (a *app) tokenList() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List tokens, those too that count no more",
		Long: `List shows whose tokens there are and what they allow, never the tokens themselves.

Exit status: 0 listed; 1 error.`,
		Example: `  reconcile token list --server https://reconcile.example.com`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			return a.withTokens(cmd.Context(), func(st reconcile.Store) error {
				found, err := st.Tokens(cmd.Context())
				if err != nil {
					return err
				}
				list := tokenList{"1", append([]reconcile.Token{}, found...)}
				for i := range list.Tokens {
					list.Tokens[i].Hash = ""
				}
				if output == "json" {
					return indented(a.out, list)
				}
				page := a.sheet(a.out)
				page.table(tokenRows(list.Tokens, time.Now()))
				return page.err
			})
		},
	}
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func tokenRows(tokens []reconcile.Token, now time.Time) [][]string {
	rows := [][]string{{"ID", "NAME", "ROLE", "STACKS", "MADE", "STATE"}}
	for _, t := range tokens {
		state := expiry(t)
		switch {
		case !t.Revoked.IsZero():
			state = "revoked " + report.Ago(t.Revoked, now)
		case !t.Lives(now):
			state = "expired " + report.Ago(t.Expires, now)
		}
		made := report.Ago(t.Created, now)
		if by := person(t.By); by != "" {
			made += " by " + by
		}
		rows = append(rows, []string{t.ID, t.Name, string(t.Role), orElse(strings.Join(t.Stacks, ","), "all"), made, state})
	}
	return rows
}

func (a *app) tokenRevoke() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "Let a token count no more",
		Long: `Revoke ends a token at once.

Exit status: 0 revoked, now or before; 1 error, or there is no such token.`,
		Example: `  reconcile token revoke 6f1c09a2d4e8`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTokens(cmd.Context(), func(st reconcile.Store) error { return a.revoke(cmd.Context(), st, args[0]) })
		},
	}
	return cmd
}

func (a *app) revoke(ctx context.Context, st reconcile.Store, id string) error {
	tokens, err := st.Tokens(ctx)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if t.ID != id {
			continue
		}
		if t.Revoked.IsZero() {
			t.Revoked = time.Now().UTC()
			if err := st.SaveToken(ctx, t); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(a.out, "Token %s of %s counts no more.\n", t.ID, reconcile.Clean(t.Name))
		return err
	}
	return fmt.Errorf("token revoke %s: there is no such token; reconcile token list shows all", id)
}
