package inventory_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// TestWhoWroteIsNamed: people are, at the device and at what stands on it; our
// own runs are not, whatever the version tells of them.
func TestWhoWroteIsNamed(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := newStage(t, version)
			s.witness = true
			m := []reconcile.Manifest{device("web-1", "interfaces", []any{port("eth0", "addresses", []any{"203.0.113.7/32"})}), device("web-2"), device("web-3")}
			s.settle(m...)
			s.clock.advance(time.Hour)
			s.edit("j.doe", "dcim/devices", s.row("web-1").ID, "status", "offline")
			s.edit("r.leone", "ipam/ip-addresses", rows[inventory.AddressRow](s, inventory.IPAddresses)[0].ID, "assigned_object_type", nil, "assigned_object_id", nil)
			s.edit("a.smith", "dcim/interfaces", rows[inventory.InterfaceRow](s, inventory.Interfaces)[0].ID, "enabled", false)
			s.edit("p.gone", "dcim/devices", s.row("web-2").ID, "status", "failed")
			who := map[reconcile.Key]string{}
			for _, c := range s.plan(m...).Changes() {
				for _, by := range c.By {
					who[c.Key] += by.Who + " " + by.Call + " " + by.Program + " "
				}
			}
			if w := who["Device/web-1"]; !strings.Contains(w, "j.doe update netbox") || !strings.Contains(w, "a.smith") || strings.Contains(w, "reconcile ") {
				t.Errorf("web-1: %q", w)
			}
			if who["Device/web-2"] != "p.gone update netbox " {
				t.Errorf("web-2: %q", who["Device/web-2"])
			}
		})
	}
}

// TestALogThatCannotBeRead is said, and fails nothing.
func TestALogThatCannotBeRead(t *testing.T) {
	s := newStage(t, "4.6.8")
	s.settle(device("web-1"))
	id := fmt.Sprint(s.row("web-1").ID)
	refuse := says(403, "application/json", `{"detail":"You do not have permission to perform this action."}`)
	s.wire.bends(func(req *http.Request, serve func() *http.Response) (*http.Response, error) {
		if strings.Contains(req.URL.Path, "object-changes") {
			return refuse(req, serve)
		}
		return serve(), nil
	})
	authors, receipts := inventory.NewWitness(s.server).Authors(t.Context(), []reconcile.Suspect{{Kind: inventory.DeviceKind, ID: id}})
	if len(authors) != 0 || len(receipts) != 1 || receipts[0].Kind != reconcile.AuditTrail || !receipts[0].OutOfScope || !strings.Contains(receipts[0].Reason, "permission") {
		t.Errorf("%v, %+v", authors, receipts)
	}
}
