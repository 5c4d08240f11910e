package reconcile_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// The rules of docs/architecture.md, kept over every Go file of the module.

const module = "gitlab.com/reconciled/reconciled"

const (
	longestFunction = 60 // lines; tests are free
	longestFile     = 400
	longestTestFile = 800
	mostPackages    = 45
)

// homes are the third-party modules and the folders that may import them. Most
// have one; why one has several stands beside it.
var homes = map[string][]string{
	"github.com/ProtonMail/go-crypto":          {"reconcile/repo"},
	"github.com/coreos/go-systemd/v22":         {"cmd/reconcile"}, // readiness and watchdog of a unit
	"github.com/coreos/go-oidc/v3":             {"reconcile/web"}, // ID tokens: nobody should write that anew
	"github.com/go-jose/go-jose/v4":            {"reconcile/web"}, // of go-oidc; tests sign tokens with it
	"github.com/prometheus/client_golang":      {"reconcile/web"}, // the format that everybody scrapes
	"github.com/santhosh-tekuri/jsonschema/v6": {"reconcile/web"}, // tests hold answers against the OpenAPI document
	"github.com/go-git/go-git/v5":              {"reconcile/repo"},
	"filippo.io/age":                           {"reconcile/secrets", "cmd/reconcile"}, // tests make keys with it
	"github.com/getsops/sops/v3":               {"reconcile/secrets"},                  // encrypted files with all the key services that teams have
	"gitlab.com/gitlab-org/api/client-go/v2":   {"reconcile/gitlab"},                   // GitLab's own client
	"github.com/google/uuid":                   {"providers/simulator"},
	"github.com/getkin/kin-openapi":            {"providers/simulator/netboxschema"},                     // holds NetBox to its document, in a module of its own
	"github.com/netbox-community/go-netbox/v4": {"inventory/netbox", "providers/simulator/netboxschema"}, // one leaf: it builds the requests, and takes long to compile; the check of the simulated NetBox drives it
	"github.com/hiddeco/sshsig":                {"reconcile/repo"},
	"github.com/jackc/pgx/v5":                  {"reconcile/store"}, // the driver that River works with
	"github.com/riverqueue/river":              {"reconcile/store"}, // turns over several replicas, in the same transactions
	"github.com/rogpeppe/go-internal":          {"cmd/reconcile"},
	"github.com/spf13/cobra":                   {"cmd/reconcile"},
	"github.com/spf13/pflag":                   {"cmd/reconcile"},      // of cobra
	"gopkg.in/yaml.v2":                         {"providers/scaleway"}, // as the SDK reads its configuration
	"gopkg.in/yaml.v3":                         {"reconcile/manifest"},
	"modernc.org/sqlite":                       {"reconcile/store"},
	"github.com/gofrs/flock":                   {"reconcile/store", "providers/simulator"}, // one lock each, of a stack and of a state file
	"github.com/robfig/cron/v3":                {"providers", "reconcile/daemon"},          // schedules of triggers and of stacks
	"github.com/scaleway/scaleway-sdk-go":      {"providers", "cmd/reconcile"},             // one product's package per folder; cmd's tests compare with it
	"golang.org/x/crypto":                      {"reconcile", "providers"},
	"golang.org/x/sync":                        {"reconcile", "providers"},
	"golang.org/x/sys":                         {"reconcile", "providers"},
	"golang.org/x/term":                        {"cmd/reconcile"},
	"golang.org/x/text":                        {"reconcile", "providers"},
}

// tops are the folders of the module.
var tops = []string{"cmd", "reconcile", "inventory", "providers", "examples", "deploy", "docs"}

// avoided are words that have a better one in docs/concepts.md.
var avoided = []string{
	"current", "actual", "existing", "target", "expected", "sync", "task", "operation", "manager",
	"controller", "service", "handler", "util", "utils", "helper", "helpers", "common",
}

// source is one Go file of the module.
type source struct {
	file string // slash-separated, from the top of the module
	ast  *ast.File
	set  *token.FileSet
}

func (s source) dir() string { return path.Dir(s.file) }
func (s source) test() bool  { return strings.HasSuffix(s.file, "_test.go") }
func (s source) lines() int  { return s.set.File(s.ast.Pos()).LineCount() }
func (s source) within(folder string) bool {
	return s.dir() == folder || strings.HasPrefix(s.dir(), folder+"/")
}

// ours gives the folders of this module that the file imports.
func (s source) ours() []string {
	var out []string
	for _, spec := range s.ast.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		if folder, ok := strings.CutPrefix(name, module+"/"); ok {
			out = append(out, folder)
		}
	}
	return out
}

// theirs gives the imports that are neither ours nor the standard library's.
func (s source) theirs() []string {
	var out []string
	for _, spec := range s.ast.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		first, _, _ := strings.Cut(name, "/")
		if strings.Contains(first, ".") && !strings.HasPrefix(name, module+"/") {
			out = append(out, name)
		}
	}
	return out
}

// sources parses the module.
func sources(t *testing.T) []source {
	t.Helper()
	top := ".."
	var out []source
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != top || d.Name() == "bin"):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, name)
		out = append(out, source{filepath.ToSlash(rel), parsed, set})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("only %d Go files were found", len(out))
	}
	return out
}

func TestArchitecture(t *testing.T) {
	all := sources(t)
	t.Run("the domain needs the standard library only", func(t *testing.T) {
		for _, s := range all {
			if s.dir() == "reconcile" {
				for _, name := range slices.Concat(s.theirs(), s.ours()) {
					if !s.test() || name != "reconcile" {
						t.Errorf("%s imports %s", s.file, name)
					}
				}
			}
		}
	})
	t.Run("rooms know the domain, not each other", func(t *testing.T) {
		for _, s := range all {
			for _, folder := range s.ours() {
				if !mayImport(s, folder) {
					t.Errorf("%s imports %s", s.file, folder)
				}
			}
		}
	})
	t.Run("each module has its home", func(t *testing.T) {
		for _, s := range all {
			for _, name := range s.theirs() {
				if problem := atHome(s, name); problem != "" {
					t.Errorf("%s imports %s: %s", s.file, name, problem)
				}
			}
		}
	})
	t.Run("folders", func(t *testing.T) { checkFolders(t, all) })
	t.Run("sizes", func(t *testing.T) { checkSizes(t, all) })
	t.Run("words", func(t *testing.T) { checkTypes(t, all) })
}

// mayImport says whether a file may import one of our folders.
func mayImport(s source, folder string) bool {
	from := s.dir()
	switch {
	case folder == from || folder == "reconcile":
		return true
	case strings.HasPrefix(folder, "cmd/"):
		return false
	case s.within("cmd"), from == "providers", s.within("providers/providertest"), s.within("deploy"):
		return true // these wire everything; deploy only tests
	case strings.HasPrefix(folder, from+"/"):
		return from != "reconcile" // what a room keeps in a folder of its own
	case s.test() && (folder == "reconcile/store/storetest" || folder == "reconcile/store/postgres/pgtest"):
		return true // the suite of all stores, and a server to run it on
	case s.within("inventory"):
		return folder == "inventory" || s.test() && (folder == "providers/simulator/netbox" || folder == "providers/providertest")
	case !s.within("providers"):
		return false
	case folder == "providers/scaleway":
		return from != "providers/simulator" // which is Scaleway, and so cannot need what speaks to it
	}
	simulated := []string{"providers/simulator", "providers/simulator/netbox", "providers/providertest"}
	return s.test() && slices.Contains(simulated, folder)
}

// atHome says why a file may not import another module's package.
func atHome(s source, name string) (problem string) {
	for mod, folders := range homes {
		if name != mod && !strings.HasPrefix(name, mod+"/") {
			continue
		}
		if slices.ContainsFunc(folders, s.within) {
			return ""
		}
		return "its home is " + strings.Join(folders, ", ")
	}
	return "it has no home in this test; a new module needs a reason"
}

func checkFolders(t *testing.T, all []source) {
	documented := map[string]bool{} // by folder
	for _, s := range all {
		if s.test() {
			continue
		}
		documented[s.dir()] = documented[s.dir()] || s.ast.Doc.Text() != ""
		first, _, _ := strings.Cut(s.file, "/")
		if !slices.Contains(tops, first) {
			t.Errorf("%s: Go code lives below %s", s.file, strings.Join(tops, ", "))
		}
		for _, part := range strings.Split(s.dir(), "/") {
			if slices.Contains([]string{"internal", "pkg", "util", "utils", "types", "models", "common", "helpers"}, part) {
				t.Errorf("%s: %s is no name for a folder", s.file, part)
			}
		}
	}
	if len(documented) > mostPackages {
		t.Errorf("there are %d packages, more than %d", len(documented), mostPackages)
	}
	for _, dir := range slices.Sorted(maps.Keys(documented)) {
		if !documented[dir] {
			t.Errorf("package %s has no comment", dir)
		}
	}
}

func checkSizes(t *testing.T, all []source) {
	for _, s := range all {
		most := longestFile
		if s.test() {
			most = longestTestFile
		}
		if s.lines() > most {
			t.Errorf("%s has %d lines, more than %d", s.file, s.lines(), most)
		}
		for _, decl := range s.ast.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1
			if lines > longestFunction && !s.test() {
				t.Errorf("%s: %s has %d lines, more than %d", s.set.Position(f.Pos()), f.Name.Name, lines, longestFunction)
			}
			if f.Name.Name == "init" && f.Recv == nil {
				t.Errorf("%s: func init; call it where it is needed", s.set.Position(f.Pos()))
			}
		}
	}
}

func checkTypes(t *testing.T, all []source) {
	for _, s := range all {
		for _, decl := range s.ast.Decls {
			types, ok := decl.(*ast.GenDecl)
			if !ok || types.Tok != token.TYPE {
				continue
			}
			for _, spec := range types.Specs {
				name := spec.(*ast.TypeSpec).Name
				if !name.IsExported() {
					continue
				}
				for _, word := range camelWords(name.Name) {
					if slices.Contains(avoided, word) {
						t.Errorf("%s: type %s: docs/concepts.md has a better word than %s", s.set.Position(name.Pos()), name.Name, word)
					}
				}
			}
		}
	}
}

// camelWords splits a name such as JSONOptions into its words, in lower case.
func camelWords(name string) []string {
	var out []string
	runes := []rune(name)
	start := 0
	for i := 1; i <= len(runes); i++ {
		boundary := i == len(runes) || unicode.IsUpper(runes[i]) &&
			(!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if boundary {
			out = append(out, strings.ToLower(string(runes[start:i])))
			start = i
		}
	}
	return out
}

func TestTheTopHoldsNothingElse(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	built := []string{"bin", "dist"}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() && !strings.HasPrefix(name, ".") && !slices.Contains(built, name) && !slices.Contains(tops, name) {
			t.Errorf("folder %s stands at the top; there are %s", name, strings.Join(tops, ", "))
		}
	}
}
