package inventory_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gitlab.com/reconciled/reconciled/inventory"
)

const evil = `{{ lookup('pipe', 'touch hacked') }}`

// fleet are devices of all sorts, hostile ones among them.
func fleet(t *testing.T) []inventory.Entry {
	t.Helper()
	s := &bookcase{}
	address := func(text string) thing { return thing{"id": 1, "address": text} }
	ours := ourMarks("BareMetalPool/big-workers/Server/0", thing{"reconcile_labels": "team=shop,x=" + evil})
	ours["primary_ip4"], ours["primary_ip6"] = address("203.0.113.7/32"), address("2001:db8::7/128")
	s.put(inventory.Devices, machine(1, "bm-1.example.com", "fr-par-2", "active", ours))
	s.put(inventory.Devices, machine(2, "bm-2", "fr-par-2", "staged", thing{"primary_ip6": address("2001:db8::8/128"), "serial": evil}))
	s.put(inventory.Devices, machine(3, "", "nl-ams-1", "active", nil))
	s.put(inventory.Devices, machine(4, "twin", "nl-ams-1", "active", nil))
	s.put(inventory.Devices, machine(5, "twin", "fr_par_2", "active", nil))
	s.put(inventory.Devices, machine(6, "localhost", "nl-ams-1", "offline", thing{"tenant": nil}))
	s.put(inventory.Devices, machine(7, "BM 7: "+evil, "nl-ams-1", "active", thing{"serial": "{% raw %}\u0085\x7f\ufeff'\"\n- x: [y"}))
	s.put(inventory.Devices, machine(8, "and", "nl-ams-1", "active", thing{"primary_ip4": address("198.51.100.8/24")}))
	s.put(inventory.Devices, machine(9, "device-3", "nl-ams-1", "active", nil))
	s.put(inventory.Devices, machine(10, "..", "nl-ams-1", "active", thing{"primary_ip4": address("not an address")}))
	s.put(inventory.Interfaces, thing{"id": 11, "name": "public0", "device": thing{"id": 1}, "type": "other", "enabled": true})
	s.put(inventory.IPAddresses, thing{"id": 1, "address": "203.0.113.7/32", "assigned_object_type": "dcim.interface", "assigned_object_id": 11})
	entries, err := inventory.Entries(context.Background(), s, inventory.Pick{}, true)
	if err != nil || len(entries) != 10 {
		t.Fatal(len(entries), err)
	}
	return entries
}

func shuffled(entries []inventory.Entry) []inventory.Entry {
	out := slices.Clone(entries)
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func ansibleOf(t *testing.T, a *inventory.Ansible) (raw []byte, says map[string]map[string]any) {
	t.Helper()
	raw, err := json.MarshalIndent(a, "", " ")
	if err == nil {
		err = json.Unmarshal(raw, &says)
	}
	if err != nil {
		t.Fatal(err)
	}
	return raw, says
}

func TestAnsible(t *testing.T) {
	entries := fleet(t)
	a := inventory.NewAnsible(entries)
	raw, says := ansibleOf(t, a)
	for range 20 {
		again, _ := ansibleOf(t, inventory.NewAnsible(shuffled(entries)))
		if string(again) != string(raw) {
			t.Fatal("the order of devices shows")
		}
	}
	for group, want := range map[string]string{
		"site_fr_par_2":    "[bm-1.example.com bm-2 device-5]",
		"pool_big_workers": "[bm-1.example.com]",
		"status_staged":    "[bm-2]",
		"tenant_team_a":    "[.. -]",
		"ungrouped":        "[]",
	} {
		if group == "tenant_team_a" {
			if hosts := says[group]["hosts"].([]any); len(hosts) != 9 {
				t.Errorf("%s: %v", group, hosts)
			}
			continue
		}
		if got := fmt.Sprint(says[group]["hosts"]); got != want {
			t.Errorf("%s: %s, want %s", group, got, want)
		}
	}
	if want := []string{"and", "bm-1.example.com", "bm-2", "device-10", "device-3", "device-3-netbox", "device-4", "device-5", "device-6", "device-7"}; !slices.Equal(a.Hosts(), want) {
		t.Errorf("hosts: %v", a.Hosts())
	}
	hosts := says["_meta"]["hostvars"].(map[string]any)
	for host, want := range map[string]any{"bm-1.example.com": "203.0.113.7", "bm-2": "2001:db8::8", "device-10": nil} {
		if got := hosts[host].(map[string]any)["ansible_host"]; got != want {
			t.Errorf("%s is reached at %v, want %v", host, got, want)
		}
	}
	if strings.Contains(string(raw), "canary") {
		t.Error("a custom field of others is exported")
	}
	if got := a.Host("bm-2")["netbox"].(map[string]any)["serial"]; !reflect.DeepEqual(got, map[string]any{"__ansible_unsafe": evil}) {
		t.Errorf("a template may run: %v", got)
	}
	if got := a.Host("nobody"); len(got) != 0 {
		t.Errorf("a host that is not there has %v", got)
	}
	if text := strings.Join(a.Notices, "\n"); !strings.Contains(text, "group site_fr_par_2 stands for fr-par-2 and fr_par_2") || !strings.Contains(text, `device 6 ("localhost") is host device-6`) {
		t.Errorf("notices:\n%s", text)
	}
}

// ansible finds a program of Ansible. Where the variable says that it is there,
// its absence is no excuse.
func ansible(t *testing.T, name string) string {
	t.Helper()
	if bin := os.Getenv("RECONCILE_ANSIBLE"); bin != "" {
		return filepath.Join(bin, name)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("there is no %s; .ci/ansible installs it", name)
	}
	return path
}

// script writes an inventory script that prints an export.
func script(t *testing.T, raw []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "inventory.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "inventory")
	if err := os.WriteFile(file, []byte("#!/bin/sh\nexec cat '"+filepath.Join(dir, "inventory.json")+"'\n"), 0o700); err != nil { //nolint:gosec // it has to be run
		t.Fatal(err)
	}
	return file
}

func runAnsible(t *testing.T, program, file string, args ...string) string {
	t.Helper()
	command := exec.Command(ansible(t, program), append([]string{"-i", file}, args...)...)
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), "ANSIBLE_LOCALHOST_WARNING=False", "ANSIBLE_HOME="+command.Dir, "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8", "ANSIBLE_INVENTORY_UNPARSED_FAILED=True")
	var problems strings.Builder
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil || strings.Contains(problems.String(), "Invalid characters") || strings.Contains(problems.String(), "WARNING") {
		t.Fatalf("%s: %v\n%s%s", program, err, out, problems.String())
	}
	if left, _ := filepath.Glob(filepath.Join(command.Dir, "hacked")); len(left) > 0 {
		t.Fatal("what stands in NetBox was run")
	}
	return string(out)
}

// The real ansible-inventory takes the export, and finds the same in it.
func TestAnsibleInventoryReadsIt(t *testing.T) {
	raw, says := ansibleOf(t, inventory.NewAnsible(fleet(t)))
	var read map[string]map[string]any
	if err := json.Unmarshal([]byte(runAnsible(t, "ansible-inventory", script(t, raw), "--list")), &read); err != nil {
		t.Fatal(err)
	}
	if got, want := read["_meta"]["hostvars"], says["_meta"]["hostvars"]; !reflect.DeepEqual(got, want) {
		t.Errorf("it finds other variables:\n%v\nwant\n%v", got, want)
	}
	for group := range says {
		if group == "_meta" || group == "all" || group == "ungrouped" {
			continue
		}
		if !reflect.DeepEqual(read[group]["hosts"], says[group]["hosts"]) {
			t.Errorf("%s: it finds %v, want %v", group, read[group]["hosts"], says[group]["hosts"])
		}
	}
}

// What stands in NetBox is text to Ansible, and never a template.
func TestAnsibleRunsNoTemplates(t *testing.T) {
	raw, _ := ansibleOf(t, inventory.NewAnsible(fleet(t)))
	out := runAnsible(t, "ansible", script(t, raw), "bm-2", "-c", "local", "-m", "ansible.builtin.debug", "-a", "msg='{{ netbox.serial }}'")
	if !strings.Contains(out, "lookup(") {
		t.Errorf("the serial number is not as NetBox has it: %s", out)
	}
}

func TestSalt(t *testing.T) {
	entries := fleet(t)
	export := inventory.NewSalt(entries)
	for range 20 {
		if again := inventory.NewSalt(shuffled(entries)); !reflect.DeepEqual(again, export) {
			t.Fatal("the order of devices shows")
		}
	}
	files := map[string]map[string]any{}
	var names []string
	for _, f := range export.Files {
		names = append(names, f.Name)
		head, body, _ := strings.Cut(string(f.Data), "\n")
		says := map[string]any{}
		if err := json.Unmarshal([]byte(body), &says); err != nil || head != "#!json" {
			t.Fatalf("%s: %q: %v", f.Name, head, err)
		}
		if strings.ContainsAny(string(f.Data), "\x7f\u0085\ufeff") {
			t.Errorf("%s holds what YAML does not take", f.Name)
		}
		files[f.Name] = says
	}
	want := []string{
		"pillar/reconcile/__.sls", "pillar/reconcile/and.sls", "pillar/reconcile/bm-1_example_com.sls", "pillar/reconcile/bm-2.sls",
		"pillar/reconcile/device-3.sls", "pillar/reconcile/localhost.sls", "pillar/top.sls", "roster",
	}
	if !slices.Equal(names, want) {
		t.Errorf("files: %v", names)
	}
	if got := fmt.Sprint(files["roster"]); got != "map[and:map[host:198.51.100.8] bm-1.example.com:map[host:203.0.113.7] bm-2:map[host:2001:db8::8]]" {
		t.Errorf("roster: %s", got)
	}
	if got := fmt.Sprint(files["pillar/top.sls"]["base"].(map[string]any)["bm-1.example.com"]); got != "[map[match:list] reconcile.bm-1_example_com]" {
		t.Errorf("top: %s", got)
	}
	if got := files["pillar/reconcile/bm-2.sls"]["netbox"].(map[string]any)["serial"]; got != evil {
		t.Errorf("serial: %v", got)
	}
	text := strings.Join(export.Notices, "\n")
	for _, part := range []string{"device 3 is left out: its name, \"\"", "device 4 is left out: another device is twin too", "device 5 is left out", "device 7 is left out", "localhost is in no roster"} {
		if !strings.Contains(text, part) {
			t.Errorf("no notice says %q:\n%s", part, text)
		}
	}
}
