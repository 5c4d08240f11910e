package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// machines tells of NetBox: what people say there counts, and what they change of
// ours is found.
func (s *story) machines() error {
	for _, chapter := range []func() error{s.declare, s.edit, s.hold, s.release} {
		if err := chapter(); err != nil {
			return err
		}
	}
	return nil
}

const machinesFile = "machines.yaml"

func (s *story) declare() error {
	say("Machines are in NetBox: which is which, where it stands, whose it is, and what people have put on",
		"hold. The simulator has a NetBox too. It gets the fields and tags by which devices are marked.")
	if err := s.run(0, "inventory", "bootstrap", "--simulator"); err != nil {
		return err
	}
	say("Devices are manifests like any other, here those of examples/netbox.")
	text, err := os.ReadFile("examples/netbox/devices.yaml")
	if err != nil {
		return err
	}
	prompt("cp ../examples/netbox/devices.yaml " + machinesFile)
	if err := s.write(string(text), "Three machines"); err != nil {
		return err
	}
	if err := s.run(0, "apply", "--simulator", "--yes"); err != nil {
		return err
	}
	return s.run(0, "inventory", "list", "--simulator")
}

func (s *story) edit() error {
	say("Ten minutes later somebody sets a machine to offline, in NetBox's pages.")
	if err := s.behind(func(env map[string]string) error {
		prompt(`curl -X POST -d '{"seconds": 600}' $SCW_API_URL/_sim/advance`)
		if err := call(http.MethodPost, env["SCW_API_URL"]+"/_sim/advance", env["SCW_SECRET_KEY"], `{"seconds": 600}`, nil); err != nil {
			return err
		}
		return asPerson("j.doe", "web-1", `{"status": "offline"}`)(env)
	}); err != nil {
		return err
	}
	say("The status is Git's to say. drift names who did it, and apply puts it right.")
	if err := s.run(2, "drift", "--simulator"); err != nil {
		return err
	}
	return s.run(0, "apply", "--simulator", "--yes")
}

func (s *story) hold() error {
	say("Other things are NetBox's to say. Somebody puts a machine on hold there, and somebody else takes the",
		"same machine out of Git.")
	if err := s.behind(asPerson("n.ops", "web-3", `{"custom_fields": {"reconcile_hold": true}}`)); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(s.dir, machinesFile))
	if err != nil {
		return err
	}
	kept, _, found := strings.Cut(string(text), "---\n# Wanted, and not ordered yet.")
	if !found {
		return errors.New("examples/netbox/devices.yaml does not end with web-3")
	}
	prompt("vi " + machinesFile + "   # web-3 goes")
	if err := s.write(kept, "No third machine"); err != nil {
		return err
	}
	say("Git alone deletes no machine, and nobody passes a hold. Exit status 4: all else is done.")
	return s.run(4, "apply", "--simulator", "--yes")
}

func (s *story) release() error {
	say("The hold is taken off, and NetBox agrees that the machine may go.")
	if err := s.behind(asPerson("n.ops", "web-3", `{"custom_fields": {"reconcile_hold": false}, "status": "decommissioning"}`)); err != nil {
		return err
	}
	if err := s.run(0, "apply", "--simulator", "--yes"); err != nil {
		return err
	}
	return s.run(0, "inventory", "list", "--simulator")
}

// write writes the machines' manifests, and commits them where there is a git.
func (s *story) write(text, message string) error {
	if err := os.WriteFile(filepath.Join(s.dir, machinesFile), []byte(text), 0o600); err != nil {
		return err
	}
	if !s.versioned {
		return nil
	}
	prompt(`git add . && git commit -m "` + message + `"`)
	if err := s.git("add", "."); err != nil {
		return err
	}
	return s.git("commit", "-qm", message)
}

// asPerson changes a device as somebody who works in NetBox's pages.
func asPerson(user, device, fields string) func(env map[string]string) error {
	return func(env map[string]string) error {
		body := fmt.Sprintf(`{"user": %q, "method": "PATCH", "path": "dcim/devices?name=%s", "body": %s}`, user, device, fields)
		prompt(`curl -X POST -d '` + body + `' \
    $SCW_API_URL/_sim/netbox/as`)
		return call(http.MethodPost, env["SCW_API_URL"]+"/_sim/netbox/as", env["SCW_SECRET_KEY"], body, nil)
	}
}
