package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/secrets"
)

// encrypted is the content of the encrypted file; there says whether it is there.
func (c *configuring) encrypted() (data []byte, there bool, err error) {
	info, err := os.Lstat(c.file())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case !info.Mode().IsRegular():
		return nil, false, fmt.Errorf("%s is no regular file", c.sops)
	}
	data, err = os.ReadFile(c.file())
	return data, true, err
}

func (c *configuring) file() string {
	if filepath.IsAbs(c.sops) {
		return c.sops
	}
	return filepath.Join(c.dir, c.sops)
}

// setInFile keeps a value in an encrypted file.
func (c *configuring) setInFile(ctx context.Context, key string, f setFlags) error {
	cabinet, err := c.cabinet()
	if err != nil {
		return err
	}
	data, there, err := c.encrypted()
	if err != nil {
		return err
	}
	if there && len(f.age) > 0 {
		return fmt.Errorf("%s is there already, and stays encrypted for whom it is; leave --age out, or change that with sops updatekeys", c.sops)
	}
	if there && f.ifNotSet {
		has, err := cabinet.Has(c.sops, data, key)
		if err != nil {
			return err
		}
		if has {
			return c.tellSetAlready(key)
		}
	}
	value, err := f.given.value(c.app, orElse(key, c.sops))
	if err != nil {
		return err
	}
	changed := true
	if there {
		data, changed, err = cabinet.Set(c.sops, data, key, value)
	} else {
		data, err = cabinet.Begin(c.sops, secrets.Recipients{Age: f.age, Rules: secrets.FindRules(c.file()), File: c.file()}, key, value)
	}
	if err != nil {
		return err
	}
	if !changed {
		_, err := fmt.Fprintf(c.out, "%s has that value already; nothing was changed.\n", reconcile.Clean(c.place(key)))
		return err
	}
	err = c.audited(ctx, "config.set", c.place(key), "sets "+c.place(key), func(context.Context) (string, error) {
		return "set " + c.place(key) + "; the file is to be committed", replaceFile(c.file(), data)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "Set %s. Commit the file.\n", reconcile.Clean(c.place(key)))
	return c.tellUnused(key)
}

// removeFromFile takes a key out of an encrypted file.
func (c *configuring) removeFromFile(ctx context.Context, key string) error {
	cabinet, err := c.cabinet()
	if err != nil {
		return err
	}
	data, there, err := c.encrypted()
	if err == nil && !there {
		err = fmt.Errorf("there is no file %s", c.sops)
	}
	if err == nil {
		data, err = cabinet.Remove(c.sops, data, key)
	}
	if err != nil {
		return err
	}
	err = c.audited(ctx, "config.rm", c.place(key), "removes "+c.place(key), func(context.Context) (string, error) {
		return "removed " + c.place(key) + "; the file is to be committed", replaceFile(c.file(), data)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "Removed %s. Commit the file; what it was stays in Git's history, for those who have its keys.\n", reconcile.Clean(c.place(key)))
	return err
}
