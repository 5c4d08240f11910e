package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// mostValue is how large a value may be, in bytes: Secret Manager's limit.
const mostValue = 64 << 10

// givenValue is where a value comes from. It is never the command line, which
// other processes see and shells remember.
type givenValue struct {
	file   string
	random bool
	length int // 0: 32
}

func (g *givenValue) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&g.file, "from-file", "", "read the value from this file, or from standard input if it is - (one line end at its end is not part of it)")
	cmd.Flags().BoolVar(&g.random, "random", false, "make a random value of letters and digits")
	cmd.Flags().IntVar(&g.length, "length", 0, "how long a random value is (default 32)")
}

func (g *givenValue) check() error {
	switch {
	case g.random && g.file != "":
		return errors.New("--random makes a value; leave --from-file out")
	case !g.random && g.length != 0:
		return errors.New("--length is of a value that --random makes; leave it out")
	case g.length != 0 && (g.length < 8 || g.length > 1024):
		return errors.New("--length: 8 to 1024")
	}
	return nil
}

// value makes or reads the value, or asks for it.
func (g *givenValue) value(a *app, name string) (reconcile.Secret, error) {
	var text []byte
	var err error
	switch {
	case g.random:
		return random(cmp.Or(g.length, 32))
	case g.file != "" && g.file != "-":
		text, err = readValue(g.file)
	case g.file == "" && terminal(a.in):
		fmt.Fprintf(a.err, "Value of %s (not shown): ", reconcile.Clean(name))
		text, err = term.ReadPassword(int(a.in.(*os.File).Fd()))
		fmt.Fprintln(a.err)
	default:
		text, err = io.ReadAll(io.LimitReader(a.in, mostValue+2))
	}
	if err != nil {
		return reconcile.Secret{}, fmt.Errorf("read the value of %s: %w", name, err)
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	switch {
	case len(text) == 0:
		return reconcile.Secret{}, fmt.Errorf("the value of %s is empty; nothing was changed", name)
	case len(text) > mostValue:
		return reconcile.Secret{}, fmt.Errorf("the value of %s is larger than 64 KiB, the most that is kept; nothing was changed", name)
	case !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0:
		return reconcile.Secret{}, fmt.Errorf("the value of %s is no text; keep it encoded, in base64 say. Nothing was changed", name)
	}
	return reconcile.NewSecret(string(text)), nil
}

func readValue(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, mostValue+2))
}

// random makes a value of letters and digits.
func random(length int) (reconcile.Secret, error) {
	const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var text strings.Builder
	for range length {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(signs))))
		if err != nil {
			return reconcile.Secret{}, fmt.Errorf("make a random value: %w", err)
		}
		text.WriteByte(signs[n.Int64()])
	}
	return reconcile.NewSecret(text.String()), nil
}
