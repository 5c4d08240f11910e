package report_test

import (
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

func says(text string) *string { return &text }

// disputed has a finding of each severity, and of each way out.
func disputed() *reconcile.Plan {
	p := base()
	file := "devices/bm-par2-01.yaml"
	p.Steps = []reconcile.Change{{
		Key: "Device/bm-par2-01", Kind: "Device", Action: reconcile.Update, Origins: origin(file, 1), Hash: "c0ffee0a",
		Fields: []reconcile.FieldChange{{Path: "status", From: "offline", To: "active", Base: "active", Label: reconcile.Drifted, Pos: line(file, 9)}},
		By:     []reconcile.Author{netboxUser(2 * time.Hour)}, Live: live("12", "Device/bm-par2-01", lastRev, nil), Want: &reconcile.Wanted{Kind: containerKind},
	}}
	by := netboxUser(2 * time.Hour)
	p.Findings = []reconcile.Finding{
		{Class: "duplicate-identity", Severity: "error", Resource: "device bm-par2-07", Field: "serial", NetBox: says("CZ2D1B0042"), Winner: "live", Action: "blocked",
			Says: "bm-par2-08 says the same: leave it to one of them; its server is neither made nor deleted until then", URL: "https://netbox.example.org/dcim/devices/17/", Object: "17", Drift: true,
			Since: now.Add(-30 * time.Hour)},
		{Class: "site-zone-mismatch", Severity: "warning", Resource: "Device/bm-par2-02", Field: "site", Git: says("fr-par-1"), NetBox: says("fr-par-2"), Live: says("fr-par-2"), Winner: "netbox",
			Action: "report", Says: "write fr-par-2 into the manifest, or change it there", Pos: line("devices/bm-par2-02.yaml", 6), Drift: true,
			URL: "https://netbox.example.org/dcim/devices/13/", Console: "https://console.scaleway.com/elastic-metal/servers/fr-par-2/9d1c0d7e-0000-4000-8000-000000000013/overview", Object: "13"},
		{Class: "status-mismatch", Severity: "warning", Resource: "Device/bm-par2-01", Field: "status", Git: says("active"), NetBox: says("offline"), Winner: "git", Action: "apply",
			Pos: line(file, 9), Key: "Device/bm-par2-01", Object: "12", LastChange: &by, URL: "https://netbox.example.org/dcim/devices/12/", Since: now.Add(-2 * time.Hour)},
		{Class: "ip-mismatch", Severity: "warning", Resource: "Device/bm-par2-03", Field: "public addresses", NetBox: says("203.0.113.7"), Live: says("203.0.113.7, 203.0.113.8, 2001:db8:0:17::2, 2001:db8:0:17::3"),
			Winner: "live", Action: "write-back", Key: "Device/bm-par2-03", Pos: line("devices/bm-par2-03.yaml", 1), Object: "14"},
		{Class: "held", Severity: "warning", Resource: "Device/bm-par2-04", Field: "reconcile_hold", NetBox: says("true"), Winner: "netbox", Action: "blocked",
			Says: "untick reconcile_hold there to let it go on", Object: "15", Since: now.Add(-50 * time.Hour), Pos: line("devices/bm-par2-04.yaml", 1)},
		{Class: "mac-unknown", Severity: "info", Resource: "Device/bm-par2-05", Field: "MAC addresses", NetBox: says("02:00:00:00:00:05"), Winner: "netbox", Action: "report",
			Says: "Scaleway tells no MAC address of it, so it cannot be checked", Object: "16"},
	}
	return p
}

func netboxUser(ago time.Duration) reconcile.Author {
	return reconcile.Author{Who: "j.doe", Sort: "user", At: now.Add(-ago), Program: "netbox", Call: "update", Request: "3f1c7a52-5d0e-4f6e-9a55-1b1f0c9d2e11"}
}

// onlyDisputed has nothing to do and a disagreement that counts.
func onlyDisputed() *reconcile.Plan {
	p := base()
	p.Findings = disputed().Findings[1:2]
	return p
}
