package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// linked is a stack in a folder below a repository's top, and a file elsewhere
// that is nobody's business.
func linked(t *testing.T) (dir, precious string, env map[string]string) {
	_, env = startSimulator(t)
	top := t.TempDir()
	precious = filepath.Join(t.TempDir(), "precious.yaml")
	for name, text := range map[string]string{
		precious: "canary: [of somebody else\n", filepath.Join(top, "shop", "stack.yaml"): rigStack, filepath.Join(top, "shop", "a.yaml"): rigContainer("a", ""),
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return top, precious, env
}

// TestS22NothingIsWrittenThroughLinks: what a repository brings along beside its
// stack cannot lead reports and plans elsewhere, nor open them to others.
func TestS22NothingIsWrittenThroughLinks(t *testing.T) {
	for _, test := range []struct {
		name string // of the link
		file string // that is to be written
		args []string
	}{
		{"out.xml", "out.xml", []string{"plan", "shop", "--report", "junit=out.xml"}},
		{"out.xml", "out.xml", []string{"policy", "test", "shop", "--cases", "cases.yaml", "--report", "junit=out.xml"}},
		{"out.plan", "out.plan", []string{"plan", "shop", "--out", "out.plan"}},
		{"out.plan.part", "out.plan", []string{"plan", "shop", "--out", "out.plan"}},
		{"known.yaml", "known.yaml", []string{"drift", "shop", "--accept", "Container/a", "--until", "2026-12-31", "--reason", "why", "--baseline", "known.yaml"}},
	} {
		dir, precious, env := linked(t)
		before, err := os.ReadFile(precious)
		if err == nil {
			err = os.Symlink(precious, filepath.Join(dir, test.name))
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "cases.yaml"), []byte("cases:\n- name: x\n  wants: [{key: Container/a, action: create}]\n"), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		code, out := inProcess(t, dir, env, test.args...)
		if after, err := os.ReadFile(precious); err != nil || string(after) != string(before) {
			t.Errorf("%v through %s wrote %q, %v", test.args, test.name, after, err)
		}
		if strings.Contains(out, "canary") {
			t.Errorf("%v shows what %s leads to: %s", test.args, test.name, out)
		}
		info, err := os.Lstat(filepath.Join(dir, test.file))
		if code == 0 && (err != nil || !info.Mode().IsRegular()) {
			t.Errorf("%v: %v, %v\n%s", test.args, info, err, out)
		}
		if strings.HasSuffix(test.file, ".plan") && (code != 0 || info.Mode().Perm() != 0o600) {
			t.Errorf("%v: exit %d, %v\n%s", test.args, code, info, out)
		}
	}
}

// TestS22APlanIsItsOwners: also where a file of its name was there before, open to all.
func TestS22APlanIsItsOwners(t *testing.T) {
	dir, _, env := linked(t)
	for _, name := range []string{"out.plan", "out.plan.part"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	code, out := inProcess(t, dir, env, "plan", "shop", "--out", "out.plan")
	if info, err := os.Stat(filepath.Join(dir, "out.plan")); code != 0 || err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("exit %d, %v, %v\n%s", code, info, err, out)
	}
}

// TestS22CasesStayInTheirFolder: cases name files, and what is wrong with those is
// shown; none leads out of the folder, and a baseline is no link.
func TestS22CasesStayInTheirFolder(t *testing.T) {
	dir, precious, env := linked(t)
	if err := os.Symlink(precious, filepath.Join(dir, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.yaml"), 0o755); err != nil {
		t.Fatal(err)
	}
	up, err := filepath.Rel(dir, precious)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{up, precious, "link.yaml", "folder.yaml", "../../../../../../../../proc/self/environ", "/proc/self/environ", "/dev/zero"}
	refused := 0
	for _, name := range names {
		text := "cases:\n- name: x\n  wants: [{key: Container/a, action: create}]\n  manifests: [{file: " + name + "}]\n"
		if err := os.WriteFile(filepath.Join(dir, "cases.yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		code, out := inProcess(t, dir, env, "policy", "test", "shop", "--cases", "cases.yaml")
		if code != 1 || !strings.Contains(out, "cases.yaml:4:") || strings.Contains(out, "canary") || strings.Contains(out, "PATH=") {
			t.Errorf("file: %s: exit %d\n%s", name, code, out)
			continue
		}
		refused++
	}
	for _, name := range []string{"link.yaml", "folder.yaml"} {
		if code, out := inProcess(t, dir, env, "drift", "shop", "--baseline", name); code != 1 || strings.Contains(out, "canary") || !strings.Contains(out, "no regular file") {
			t.Errorf("--baseline %s: exit %d\n%s", name, code, out)
		}
	}
	t.Logf("S22: %d of %d files outside of the folder refused", refused, len(names))
}
