package inventory

import (
	"slices"
	"strings"
)

// Side is one of the three that say what a machine is.
type Side string

// The sides.
const (
	Git    Side = "git"    // what we want
	NetBox Side = "netbox" // which machine is which, where, whose, and what people have put on hold
	Live   Side = "live"   // what is, at Scaleway
)

// A Fact is a sort of what is said of a machine.
type Fact string

// The facts, one for each row of the table.
const (
	factExistence Fact = "existence"
	factBinding   Fact = "binding"
	factOffer     Fact = "offer"
	factPlacement Fact = "placement"
	factProject   Fact = "project"
	factName      Fact = "name"
	factPublicIP  Fact = "public-ip"
	factPrivateIP Fact = "private-ip"
	factMAC       Fact = "mac"
	factSystem    Fact = "system"
	factStatus    Fact = "status"
	factBrake     Fact = "brake"
	factSerial    Fact = "serial"
)

// A Winner is a row of the table of who wins where the sides differ.
type Winner struct {
	Fact   Fact   `json:"fact"`
	About  string `json:"about"`  // what the fact is, in words
	Sides  []Side `json:"sides"`  // who wins: a later one only where those before it say nothing
	Others string `json:"others"` // what is done where others say something else
}

// Winners is who wins, fact by fact. Whatever decides between sides reads it.
func Winners() []Winner {
	return []Winner{
		{factExistence, "that there is a machine, how many, and of which offers", []Side{Git}, "made, installed, replaced; deleted only if NetBox agrees"},
		{factBinding, "which server stands in which slot", []Side{Live}, "scw_server_id has to agree with the server's tag; where it does not nothing is made or deleted until a person has looked"},
		{factOffer, "offer of a server, device type", []Side{Live, Git}, "written to NetBox; what Git does not allow is replaced by policy"},
		{factPlacement, "tenant, site, rack, contacts, comments", []Side{NetBox}, "never overwritten; a difference is reported, and a wrong tenant keeps machines from being deleted"},
		{factProject, "which tenant's machines are in which project", []Side{Git}, "reported; nothing is ever moved"},
		{factName, "name", []Side{Git}, "NetBox and Scaleway follow"},
		{factPublicIP, "public IP addresses", []Side{Live, Git}, "NetBox follows"},
		{factPrivateIP, "addresses from prefixes of our own", []Side{NetBox}, "Scaleway follows"},
		{factMAC, "MAC addresses", []Side{Live, Git, NetBox}, "written to NetBox; unknown where Scaleway tells none"},
		{factSystem, "operating system, platform", []Side{Git, Live}, "installed, and written to NetBox"},
		{factStatus, "whether it runs and is installed", []Side{Live, Git}, "NetBox's status follows"},
		{factBrake, "status decommissioning, reconcile_hold, tag reconcile-quarantine", []Side{NetBox}, "Git cannot override it; a deletion passes decommissioning if Git names the machine no more"},
		{factSerial, "serial number, asset tag", []Side{NetBox, Git}, "written to NetBox only while it has none"},
	}
}

// Order is who wins in words: "live, else git".
func (w Winner) Order() string {
	words := make([]string, len(w.Sides))
	for i, side := range w.Sides {
		words[i] = string(side)
	}
	return strings.Join(words, ", else ")
}

// winner is the row of a fact.
func winner(f Fact) Winner {
	all := Winners()
	return all[slices.IndexFunc(all, func(w Winner) bool { return w.Fact == f })]
}

// among is the first of the sides that win which says something; ok is false if
// none of them does, and then the first would have won.
func (w Winner) among(says func(Side) bool) (side Side, ok bool) {
	for _, side := range w.Sides {
		if says(side) {
			return side, true
		}
	}
	return w.Sides[0], false
}

// WinnersPage is the table in Markdown, as the documents show it.
func WinnersPage() string {
	var page strings.Builder
	page.WriteString("| Fact | What it is | Wins | Where others say something else |\n|---|---|---|---|\n")
	for _, w := range Winners() {
		page.WriteString("| `" + string(w.Fact) + "` | " + w.About + " | " + w.Order() + " | " + w.Others + " |\n")
	}
	return page.String()
}
