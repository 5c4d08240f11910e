package repo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/config"
)

// A gitDir is a repository's own directory on disk. Its environment (GIT_DIR
// and the like) and its configuration say nothing about where it is: the place
// that was named decides.
type gitDir struct {
	dir    string // HEAD is here; for a linked work tree below the repository's own
	common string // refs and objects are here
}

// maxSmallFile bounds the files of a repository that we parse, in bytes.
const maxSmallFile = 16 << 20

// findRepository looks for the repository around a folder, upwards. top is the
// work tree's top, "" if the folder itself is a bare repository.
func findRepository(folder string) (git gitDir, top string, found bool, err error) {
	if isGitDir(folder) {
		git, err = openGitDir(folder)
		return git, "", err == nil, err
	}
	for at := folder; ; at = filepath.Dir(at) {
		dir, ok, err := dotGit(at)
		if err != nil {
			return gitDir{}, "", false, err
		}
		if ok {
			git, err := openGitDir(dir)
			return git, at, err == nil, err
		}
		if at == filepath.Dir(at) {
			return gitDir{}, "", false, nil
		}
	}
}

// dotGit resolves a .git, which in linked work trees and submodules is a file
// that names the place.
func dotGit(at string) (string, bool, error) {
	path := filepath.Join(at, ".git")
	info, err := os.Stat(path)
	if err != nil {
		return "", false, nil
	}
	if info.IsDir() {
		return path, isGitDir(path), nil
	}
	text, err := readSmall(path)
	if err != nil {
		return "", false, fmt.Errorf("read %s: %w", path, cause(err))
	}
	dir, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
	if !ok {
		return "", false, nil
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(at, dir)
	}
	if !isGitDir(dir) {
		return "", false, fmt.Errorf("%s names %s, which is no repository; repair it with git worktree repair", path, dir)
	}
	return dir, true, nil
}

func isGitDir(dir string) bool {
	if !exists(filepath.Join(dir, "HEAD")) {
		return false
	}
	return exists(filepath.Join(dir, "objects")) || exists(filepath.Join(dir, "commondir"))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func openGitDir(dir string) (gitDir, error) {
	g := gitDir{dir: dir, common: dir}
	text, err := readSmall(filepath.Join(dir, "commondir"))
	if err == nil {
		g.common = strings.TrimSpace(string(text))
		if !filepath.IsAbs(g.common) {
			g.common = filepath.Join(dir, g.common)
		}
	}
	return g, g.checkFormat()
}

func readSmall(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSmallFile+1))
	if err == nil && len(text) > maxSmallFile {
		err = fmt.Errorf("%w: more than %d MiB", ErrLimit, maxSmallFile>>20)
	}
	return text, err
}

// config reads the repository's configuration. Only what is asked of it is used.
func (g gitDir) config() (c *config.Config, err error) {
	defer guard("read configuration of "+g.common, &err)
	text, err := readSmall(filepath.Join(g.common, "config"))
	if errors.Is(err, fs.ErrNotExist) {
		return config.New(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration of %s: %w", g.common, cause(err))
	}
	c = config.New()
	if err := config.NewDecoder(bytes.NewReader(text)).Decode(c); err != nil {
		return nil, fmt.Errorf("read configuration of %s: it is malformed", g.common)
	}
	return c, nil
}

// checkFormat refuses repositories whose hashes or refs we cannot read. A
// configuration that only Git understands is no reason to refuse: what it could
// hide shows when HEAD is read.
func (g gitDir) checkFormat() error {
	c, err := g.config()
	if err != nil {
		return nil
	}
	extensions := c.Section("extensions")
	if format := extensions.Option("objectformat"); format != "" && !strings.EqualFold(format, "sha1") {
		return fmt.Errorf("repository %s: object format %s is not supported, only sha1", g.common, quote(format))
	}
	if storage := extensions.Option("refstorage"); storage != "" && !strings.EqualFold(storage, "files") {
		return fmt.Errorf("repository %s: ref storage %s is not supported; run git refs migrate --ref-format=files", g.common, quote(storage))
	}
	return nil
}

// origin is the URL that the repository was cloned from, "" if there is none.
func (g gitDir) origin() string {
	c, err := g.config()
	if err != nil {
		return ""
	}
	return c.Section("remote").Subsection("origin").Option("url")
}

// maxSymbolic bounds how many refs may name one another.
const maxSymbolic = 5

// ref resolves a full ref name.
func (g gitDir) ref(name string) (plumbing.Hash, bool, error) {
	for range maxSymbolic {
		if name != "HEAD" && (refFlaw(name) != "" || !strings.HasPrefix(name, "refs/")) {
			return plumbing.ZeroHash, false, fmt.Errorf("read ref of %s: %s is no ref", g.dir, quote(name))
		}
		text, err := readSmall(filepath.Join(g.home(name), filepath.FromSlash(name)))
		if err != nil {
			return g.packedRef(name)
		}
		value := strings.TrimSpace(string(text))
		target, symbolic := strings.CutPrefix(value, "ref:")
		if !symbolic {
			h, err := parseHash(value)
			return h, err == nil, err
		}
		name = strings.TrimSpace(target)
	}
	return plumbing.ZeroHash, false, fmt.Errorf("read ref of %s: refs name one another without end", g.dir)
}

func (g gitDir) home(name string) string {
	if name == "HEAD" {
		return g.dir
	}
	return g.common
}

func (g gitDir) packedRef(name string) (plumbing.Hash, bool, error) {
	text, err := readSmall(filepath.Join(g.common, "packed-refs"))
	if errors.Is(err, fs.ErrNotExist) {
		return plumbing.ZeroHash, false, nil
	}
	if err != nil {
		return plumbing.ZeroHash, false, fmt.Errorf("read packed refs of %s: %w", g.common, cause(err))
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		hash, ref, ok := strings.Cut(lines.Text(), " ")
		if ok && ref == name && isHash(hash) {
			return plumbing.NewHash(hash), true, nil
		}
	}
	return plumbing.ZeroHash, false, nil
}

// shallow are the commits at which the local history was cut off.
func (g gitDir) shallow() map[plumbing.Hash]bool {
	text, err := readSmall(filepath.Join(g.common, "shallow"))
	if err != nil {
		return nil
	}
	cut := map[plumbing.Hash]bool{}
	for _, line := range strings.Fields(string(text)) {
		if isHash(line) {
			cut[plumbing.NewHash(line)] = true
		}
	}
	return cut
}

func (g gitDir) objects() *objectStore {
	return openObjects(filepath.Join(g.common, "objects"), g.common, true)
}
