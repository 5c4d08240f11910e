package manifest_test

import (
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile/manifest"
)

// manyKeys is a manifest with a map of n keys in it.
func manyKeys(n int) string {
	var b strings.Builder
	b.WriteString(head + "  env:\n    variables:\n")
	for i := range n {
		fmt.Fprintf(&b, "      k%d: v\n", i)
	}
	return b.String()
}

// nested is a manifest whose deepest list has the depth n.
func nested(n int) string {
	return head + "a: " + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "\n"
}

// nodes is a manifest of n nodes: 13 in the head, a key, a list, and lists in it.
func nodes(n int) string {
	return head + "a: [" + strings.Repeat("[],", n-15) + "]\n"
}

// bomb is ten to the power of nine in a few lines, for whoever follows aliases.
func bomb() string {
	b := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for i := range 8 {
		b += fmt.Sprintf("%c: &%c [%s]\n", 'b'+i, 'b'+i, strings.Repeat(fmt.Sprintf("*%c,", 'a'+i), 9))
	}
	return head + b
}

func padded(size int) string { return head + "#" + strings.Repeat("x", size-len(head)-1) }

// S9: what is too much is refused at its place, quickly and with little memory,
// and what is just allowed is read.
func TestS9Budgets(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"size allowed", padded(manifest.MaxFileBytes), ""},
		{"size", padded(manifest.MaxFileBytes + 1), "m.yaml:6:1: a size of more than 1 MiB (1048576 bytes)"},
		{"keys allowed", manyKeys(manifest.MaxKeys), ""},
		{"keys", manyKeys(manifest.MaxKeys + 1), "m.yaml:2008:7: more than 2000 keys in one map"},
		{"60,000 keys", manyKeys(60_000), "m.yaml:2008:7: more than 2000 keys in one map"},
		{"depth allowed", nested(manifest.MaxDepth), ""},
		{"depth", nested(manifest.MaxDepth + 1), "m.yaml:6:67: a depth of more than 64"},
		{"depth of 5,000", nested(5_000), "m.yaml:6:67: a depth of more than 64"},
		{"depth of 500,000", nested(500_000), "m.yaml:6:1: a depth of more than 64"},
		{"depth of blocks", head + "a:\n  " + strings.Repeat("- ", 500_000), "m.yaml:7:3: a depth of more than 64"},
		{"nodes allowed", nodes(manifest.MaxNodes), ""},
		{"nodes", nodes(manifest.MaxNodes + 1), "m.yaml:6:299960: more than 100000 nodes"},
		{"300,000 nodes", nodes(300_000), "m.yaml:6:299960: more than 100000 nodes"},
		{"a bomb of aliases", bomb(), "m.yaml:6:4: anchor &a"},
		{"comments", head + strings.Repeat("# x\n\n", 200_000), ""},
		{"empty documents", strings.Repeat("---\n", 90_000), ""},
		{"one long line", head + "  d: " + strings.Repeat("x", 1_000_000), ""},
		{"anchors", head + "a: [" + strings.Repeat("&a ,", 40_000) + "]", "m.yaml:6:5: anchor &a"},
		{"nothing but breaks", strings.Repeat("\n", 1_000_000), ""},
		{"a long text that is not closed", head + "d: \"" + strings.Repeat("x\n", 500_000), "m.yaml:"},
		{"broken at the end", head + "  d:\n" + strings.Repeat("  - x\n", 90_000) + " x: y\n", "m.yaml:90007:2: cannot be read as YAML"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start, before := time.Now(), allocated()
			s := read("m.yaml", tt.yaml)
			t.Logf("%d KB read in %v, %d MB allocated", len(tt.yaml)>>10, time.Since(start).Round(time.Millisecond), (allocated()-before)>>20)
			refused := ""
			for _, p := range s.Problems {
				if refused == "" && !strings.Contains(p.Message, "unknown field") {
					refused = p.String()
				}
			}
			if !strings.HasPrefix(refused, tt.want) || (refused == "") != (tt.want == "") {
				t.Errorf("got %.200q, want %q", refused, tt.want)
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// S9: the budgets of a whole stack.
func TestS9Stack(t *testing.T) {
	many := fstest.MapFS{}
	for i := range manifest.MaxFiles + 5 {
		many[fmt.Sprintf("f/%04d.yaml", i)] = &fstest.MapFile{Data: []byte("x: y\n")}
	}
	s := manifest.Read(many, manifest.Options{})
	wantProblems(t, s.Problems, "f/2000.yaml: more than 2000 YAML files, the most that one stack may have; split the stack")
	for i := range 5 {
		delete(many, fmt.Sprintf("f/%04d.yaml", manifest.MaxFiles+i))
	}
	if s = manifest.Read(many, manifest.Options{}); len(s.Problems) > 0 || s.Files != manifest.MaxFiles {
		t.Errorf("2000 files: %v", s.Problems)
	}
	big := fstest.MapFS{}
	for i := range 11 {
		big[fmt.Sprintf("%02d.yaml", i)] = &fstest.MapFile{Data: []byte(strings.Repeat("#", manifest.MaxFileBytes))}
	}
	s = manifest.Read(big, manifest.Options{})
	wantProblems(t, s.Problems, "10.yaml: YAML files of more than 10 MiB (10485760 bytes), the most that one stack may have; split the stack")
	t.Logf("refused at file %d and at byte %d", manifest.MaxFiles+1, manifest.MaxStackBytes+1)
}

// S8: nothing outside of the tree is read, and no link is followed.
func TestS8Confined(t *testing.T) {
	in := tree("m.yaml", head, "data/ok.txt", "fine", ".git/config", "url = https://user:token@host/", "big.bin", strings.Repeat("x", manifest.MaxFileBytes+1))
	in["link.yaml"] = &fstest.MapFile{Data: []byte("m.yaml"), Mode: fs.ModeSymlink | 0o777}
	in["folder"] = &fstest.MapFile{Data: []byte("data"), Mode: fs.ModeSymlink | 0o777}
	in["pipe.yaml"] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
	in["module"] = &fstest.MapFile{Mode: fs.ModeIrregular}
	in[".hidden"] = &fstest.MapFile{Data: []byte("data"), Mode: fs.ModeSymlink | 0o777}
	s := manifest.Read(in, manifest.Options{Kinds: testKinds()})
	wantProblems(t, s.Problems,
		"folder: a symbolic link, and links are never followed; put the file itself there",
		"link.yaml: a symbolic link, and links are never followed; put the file itself there",
		"module: neither a file nor a folder (?---------), so it cannot be read; take it out",
		"pipe.yaml: neither a file nor a folder (p---------), so it cannot be read; take it out")
	refused := 0
	for _, name := range []string{"../x", "/etc/passwd", "data/../../x", "folder/ok.txt", "link.yaml", ".git/config", "data/../.git/config", ".GIT/config", "pipe.yaml", "data", "none", "", "big.bin"} {
		data, err := s.ReadFile(name)
		if err == nil || len(data) > 0 {
			t.Errorf("%s: read %d bytes, error %v", name, len(data), err)
			continue
		}
		if refused++; strings.Contains(err.Error(), "token") {
			t.Errorf("%s: the error tells the content: %v", name, err)
		}
	}
	if data, err := s.ReadFile("./data/ok.txt"); err != nil || string(data) != "fine" {
		t.Errorf("got %q, %v", data, err)
	}
	t.Logf("%d of 13 paths refused, 4 links and special files refused", refused)
}
