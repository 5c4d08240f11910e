package inventory

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// The description of an address or interface that we made says for what: its marker. By it an
// allocation whose answer was lost is found again, and what nobody needs any more
// is told from what people have documented.
const markerWord = "reconcile:"

// longestDescription is how many characters NetBox takes.
const longestDescription = 200

// marker is that of an address on an interface; prefix is where it is allocated
// from, "" if the manifest says the address.
func marker(mark reconcile.Mark, port, prefix string) string {
	words := []string{mark.Owner(), string(mark.Key), port}
	if prefix != "" {
		words = append(words, prefix)
	}
	text := markerWord + strings.Join(words, ":")
	if utf8.RuneCountInString(text) <= longestDescription {
		return text
	}
	digest := reconcile.Key(words[1] + ":" + port).Digest()
	return markerWord + strings.Join(append([]string{words[0], string(digest)}, words[3:]...), ":")
}

// made tells whether an interface bears a marker; one that was there before, with
// what people have put on it, is only let go.
func (r *InterfaceRow) made() bool { return strings.HasPrefix(r.Described, markerWord) }

// made tells whether an address bears a marker: we made it.
func (r *AddressRow) made() bool { return strings.HasPrefix(r.Description, markerWord) }

// allocatedFrom is the prefix that an address was allocated from, "" if it was
// not. What stands before it may hold colons as well, and an IPv6 prefix does.
func (r *AddressRow) allocatedFrom() string {
	rest, ok := strings.CutPrefix(r.Description, markerWord)
	address, err := netip.ParsePrefix(r.Address)
	if !ok || err != nil {
		return ""
	}
	for _, after, more := strings.Cut(rest, ":"); more; _, after, more = strings.Cut(after, ":") {
		p, err := netip.ParsePrefix(after)
		if err == nil && p == p.Masked() && p.Contains(address.Addr()) {
			return p.String()
		}
	}
	return ""
}

// strayed tells whether an address, wherever it stands, is the one that the marker
// is of: somebody has moved it away, and it may be taken back.
func (r *AddressRow) strayed(marker string) bool { return r.ours() && r.Description == marker }

// ours tells whether an address bears our tag. Those in a VRF are left alone.
func (r *AddressRow) ours() bool { return r.VRF.ID == 0 && Tagged(r.Tags, TagManaged) }
