package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

func (a *app) inventoryIP() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "ip ADDRESS",
		Short: "Say which device has an IP address, and which prefixes contain it",
		Long: `Ip looks an address up in NetBox: the device and interface that it is on, its VRF
and status, and the prefixes that contain it, the narrowest first. An address may
be in several VRFs.

Exit status: 0 somebody has it; 1 nobody has it, or error.`,
		Example: `  reconcile inventory ip 10.20.0.7
  reconcile inventory ip 2001:db8::7 -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.whoHas(cmd.Context(), args[0], output)
		},
	}
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// foundAddress is what inventory ip -o json prints.
type foundAddress struct {
	FormatVersion string        `json:"format_version"`
	Address       string        `json:"address"`
	Holders       []foundHolder `json:"holders"`
	Prefixes      []foundPrefix `json:"prefixes"`
}

type foundHolder struct {
	Address   string `json:"address"` // with mask
	VRF       string `json:"vrf"`     // "" is the global table
	Status    string `json:"status"`
	Tenant    string `json:"tenant"`
	Device    string `json:"device"`
	DeviceID  int64  `json:"device_id,omitempty"`
	Interface string `json:"interface"`
	On        string `json:"on"` // the sort of object, "" if it is on nothing
	DNSName   string `json:"dns_name"`
	URL       string `json:"url"`
}

type foundPrefix struct {
	Prefix string `json:"prefix"`
	VRF    string `json:"vrf"`
	Tenant string `json:"tenant"`
	Status string `json:"status"`
}

func (a *app) whoHas(ctx context.Context, text, output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	bare, _, _ := strings.Cut(text, "/")
	ip, err := netip.ParseAddr(bare)
	if err != nil || ip.Zone() != "" {
		return fmt.Errorf("%q is no IP address; it wants one such as 10.20.0.7 or 2001:db8::7", text)
	}
	s, err := a.inventorying(ctx, "", false)
	if err != nil {
		return err
	}
	defer s.close()
	found, err := inventory.WhoHas(ctx, s.netbox, ip.Unmap())
	if err != nil {
		return err
	}
	if len(found.Holders) == 0 {
		a.code = exitError
	}
	says := foundOf(found)
	if output == "json" {
		return indented(a.out, says)
	}
	page := s.sheet(a.out)
	page.address(says)
	return page.err
}

func foundOf(w *inventory.Whereabouts) foundAddress {
	out := foundAddress{FormatVersion: "1", Address: w.Address.String(), Holders: []foundHolder{}, Prefixes: []foundPrefix{}}
	for _, h := range w.Holders {
		one := foundHolder{Address: h.Row.Address, VRF: h.Row.VRF.Name, Status: string(h.Row.Status), Tenant: h.Row.Tenant.Slug, On: h.Row.Type, DNSName: h.Row.DNSName, URL: h.URL}
		if h.Interface != nil {
			one.Device, one.DeviceID, one.Interface = h.Interface.Device.Name, h.Interface.Device.ID, h.Interface.Name
		}
		out.Holders = append(out.Holders, one)
	}
	for _, p := range w.Prefixes {
		out.Prefixes = append(out.Prefixes, foundPrefix{p.Prefix, p.VRF.Name, p.Tenant.Slug, string(p.Status)})
	}
	return out
}

func (s *sheet) address(says foundAddress) {
	for _, h := range says.Holders {
		on := "on nothing"
		switch {
		case h.Interface != "":
			on = orElse(h.Device, fmt.Sprintf("device %d", h.DeviceID)) + " " + h.Interface
		case h.On != "":
			on = "on a " + h.On
		}
		s.line(0, "%s  %s", h.Address, on)
		s.facts(2, [][]string{{"vrf", vrf(h.VRF)}, {"status", h.Status}, {"tenant", h.Tenant}, {"dns name", h.DNSName}, {"device", number(h.DeviceID)}, {"page", h.URL}})
	}
	lead := "in"
	if len(says.Holders) == 0 {
		lead = "would be in"
		s.line(0, "%s: nobody has it.", says.Address)
	}
	if len(says.Prefixes) == 0 {
		s.line(0, "No prefix of NetBox contains it.")
	}
	var rows [][]string
	for i, p := range says.Prefixes {
		word := ""
		if i == 0 {
			word = lead
		}
		rows = append(rows, []string{word, strings.Join([]string{p.Prefix, vrf(p.VRF), p.Status, p.Tenant}, "  ")})
	}
	s.facts(2, rows)
}

func vrf(name string) string {
	if name == "" {
		return "global table"
	}
	return "VRF " + reconcile.Clean(name)
}

func number(id int64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprint(id)
}
