package netbox

import "strings"

// A choice is a value out of a list, and what people read for it.
type choice struct{ value, label string }

// choicesOf reads "value=Label, other-value" with labels made from values that
// have none.
func choicesOf(list string) []choice {
	var out []choice
	for entry := range strings.SplitSeq(list, ",") {
		value, label, named := strings.Cut(strings.TrimSpace(entry), "=")
		if !named {
			label = strings.ToUpper(value[:1]) + strings.ReplaceAll(value[1:], "-", " ")
		}
		out = append(out, choice{value, label})
	}
	return out
}

// ExtraStatus is a status beside NetBox's own, as an administrator may add to
// devices, prefixes and IP addresses (FIELD_CHOICES).
const ExtraStatus = "burn-in"

func siteStatus() []choice {
	return choicesOf("planned, staging, active, decommissioning, retired")
}

func deviceStatus() []choice {
	return choicesOf("offline, active, planned, staged, failed, inventory, decommissioning, burn-in=Burn-in")
}

func machineStatus() []choice {
	return choicesOf("offline, active, planned, staged, failed, decommissioning, paused")
}

func prefixStatus() []choice {
	return choicesOf("container, active, reserved, deprecated, burn-in=Burn-in")
}

func addressStatus() []choice {
	return choicesOf("active, reserved, deprecated, dhcp=DHCP, slaac=SLAAC, burn-in=Burn-in")
}

func addressRoles() []choice {
	return choicesOf("loopback, secondary, anycast, vip=VIP, vrrp=VRRP, hsrp=HSRP, glbp=GLBP, carp=CARP")
}

func airflows() []choice {
	return choicesOf("front-to-rear, rear-to-front, left-to-right, right-to-left, side-to-rear, rear-to-side, " +
		"bottom-to-top, top-to-bottom, passive, mixed")
}

func customTypes() []choice {
	return choicesOf("text, longtext=Text (long), integer, decimal, boolean=Boolean (true/false), date, " +
		"datetime=Date & time, url=URL, json=JSON, select=Selection, multiselect=Multiple selection, " +
		"object, multiobject=Multiple objects")
}
