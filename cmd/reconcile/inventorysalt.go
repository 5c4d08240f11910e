package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// saltAPI is the salt-api that the environment leads to.
func (a *app) saltAPI() (*inventory.SaltAPI, error) {
	at, user, password := a.getenv("SALT_API_URL"), a.getenv("SALT_API_USER"), a.getenv("SALT_API_PASSWORD")
	if at == "" || user == "" || password == "" {
		return nil, errors.New("--refresh needs salt-api: set SALT_API_URL, SALT_API_USER and SALT_API_PASSWORD")
	}
	o := inventory.SaltOptions{URL: at, User: user, Password: reconcile.NewSecret(password), Eauth: a.getenv("SALT_API_EAUTH"), UserAgent: "reconcile/" + version()}
	if a.transport != nil {
		o.Transport = a.transport(http.DefaultTransport)
	}
	api, err := inventory.NewSaltAPI(o)
	if err != nil {
		return nil, fmt.Errorf("SALT_API_URL: %w", err)
	}
	return api, nil
}

// toRefresh is the file, beside an export, of the minions that have still to read
// their pillars: so that none is forgotten if salt-api cannot be reached.
const toRefresh = ".reconcile-refresh.json"

// exportSalt writes what is not there yet, removes the pillars of devices that are
// gone, and has the minions read what changed.
func (s *session) exportSalt(ctx context.Context, folder string, entries []inventory.Entry, api *inventory.SaltAPI) error {
	export := inventory.NewSalt(entries)
	s.tellNotices(export.Notices)
	changed, err := changedPillars(folder, export.Files)
	if err != nil {
		return fmt.Errorf("export --salt: %w", err)
	}
	if api != nil {
		if changed, err = rememberMinions(folder, changed, export.Files); err != nil {
			return fmt.Errorf("export --salt: %w", err)
		}
	}
	wrote, removed, err := writeExport(folder, export.Files)
	if err != nil {
		return fmt.Errorf("export --salt: %w", err)
	}
	fmt.Fprintf(s.err, "Wrote %s of %d, removed %d.\n", counted(wrote, "file"), len(export.Files), removed)
	if api == nil || len(changed) == 0 {
		return nil
	}
	return s.refresh(ctx, folder, api, changed)
}

// changedPillars are the minions whose pillars are not as they were.
func changedPillars(folder string, files []inventory.SaltFile) ([]string, error) {
	var out []string
	for _, f := range files {
		old, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(f.Name)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if f.Minion != "" && (err != nil || !bytes.Equal(old, f.Data)) {
			out = append(out, f.Minion)
		}
	}
	return out, nil
}

// rememberMinions notes the minions that are to read their pillars, before these are
// written, with those that are left from before.
func rememberMinions(folder string, changed []string, files []inventory.SaltFile) ([]string, error) {
	name := filepath.Join(folder, toRefresh)
	var left []string
	if data, err := os.ReadFile(name); err == nil {
		_ = json.Unmarshal(data, &left) // a note that is broken is written anew
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	there := map[string]bool{}
	for _, f := range files {
		there[f.Minion] = true
	}
	all := map[string]bool{}
	for _, minion := range slices.Concat(left, changed) {
		if there[minion] {
			all[minion] = true
		}
	}
	return slices.Sorted(maps.Keys(all)), note(folder, slices.Sorted(maps.Keys(all)))
}

func note(folder string, minions []string) error {
	name := filepath.Join(folder, toRefresh)
	if len(minions) == 0 {
		err := os.Remove(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	text, err := indentedBytes(minions)
	if err == nil {
		_, err = keepFile(name, text)
	}
	return err
}

// writeExport writes the files that differ, and removes pillars that no device
// has any more. Other files in the folder are left alone.
func writeExport(folder string, files []inventory.SaltFile) (wrote, removed int, err error) {
	keep := map[string]bool{}
	for _, f := range files {
		name := filepath.Join(folder, filepath.FromSlash(f.Name))
		keep[name] = true
		changed, err := keepFile(name, f.Data)
		if err != nil {
			return wrote, removed, err
		}
		if changed {
			wrote++
		}
	}
	pillars := filepath.Join(folder, filepath.FromSlash(inventory.SaltPillars))
	there, err := os.ReadDir(pillars)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wrote, removed, err
	}
	for _, entry := range there {
		name := filepath.Join(pillars, entry.Name())
		data, err := os.ReadFile(name)
		if err != nil || keep[name] || !inventory.IsSaltPillar(entry.Name(), data) {
			continue
		}
		if err := os.Remove(name); err != nil {
			return wrote, removed, err
		}
		removed++
	}
	return wrote, removed, nil
}

// refresh has minions read their pillars, and names those that did not.
func (s *session) refresh(ctx context.Context, folder string, api *inventory.SaltAPI, minions []string) error {
	amiss, err := api.RefreshPillar(ctx, minions)
	if err != nil {
		return fmt.Errorf("the files are written; the next export with --refresh asks again: %w", err)
	}
	if err := note(folder, slices.Sorted(maps.Keys(amiss))); err != nil {
		return fmt.Errorf("export --salt: %w", err)
	}
	fmt.Fprintf(s.err, "%d of %s read the changed pillar.\n", len(minions)-len(amiss), counted(len(minions), "minion"))
	if len(amiss) == 0 {
		return nil
	}
	var lines []string
	for _, minion := range slices.Sorted(maps.Keys(amiss)) {
		lines = append(lines, "  "+minion+": "+amiss[minion])
	}
	return s.inLines(fmt.Errorf("%s did not; the next export with --refresh asks again:\n%s", counted(len(amiss), "minion"), strings.Join(lines, "\n")))
}

// keepFile makes a file hold something, and tells whether it did not before.
func keepFile(name string, data []byte) (changed bool, err error) {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return false, nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return false, err
	}
	return true, replaceFile(name, data)
}

func indentedBytes(v any) ([]byte, error) {
	var out bytes.Buffer
	err := indented(&out, v)
	return out.Bytes(), err
}
