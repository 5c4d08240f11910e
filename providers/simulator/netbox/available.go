package netbox

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
)

// What is free within a prefix, and taking it. Nobody comes between: it is
// looked for under the lock under which it is taken.

// available answers what is free, or takes some of it: as many as objects were
// sent. Find gives what is free for one object, and tells the rest.
func available(c *call, id int64, into string, show func(c *call, prefix *row) []byte,
	find func(c *call, prefix *row, sent map[string]any) *refusal) *refusal {
	if c.r.Method == http.MethodGet {
		c.s.mu.RLock()
		defer c.s.mu.RUnlock()
		prefix, refused := c.visible(id)
		if refused == nil {
			c.json(http.StatusOK, show(c, prefix))
		}
		return refused
	}
	sent, refused := c.body()
	if refused != nil {
		return refused
	}
	list, many := sent.([]any)
	if !many {
		list = []any{sent}
	}
	var body []byte
	x := c.tx()
	refused = c.s.change(x, func() *refusal {
		prefix, refused := c.visible(id)
		if refused != nil {
			return refused
		}
		c.table = c.s.tables[into]
		var rows []*row
		for _, entry := range list {
			fields, refused := asObject(entry)
			if refused != nil {
				return refused
			}
			fields = maps.Clone(fields)
			if refused := find(c, prefix, fields); refused != nil {
				return refused
			}
			r, refused := x.create(c.table, fields)
			if refused != nil {
				return refused
			}
			rows = append(rows, r)
		}
		if body = c.encodedList(rows); !many {
			body = c.encoded(c.table.rows[rows[0].id])
		}
		return nil
	})
	if refused == nil {
		c.json(http.StatusCreated, body)
	}
	return refused
}

func insufficient() *refusal {
	return detail(http.StatusConflict, "Insufficient resources are available to satisfy the request")
}

func availableIPs(c *call, id int64) *refusal {
	return available(c, id, "ipam/ip-addresses", showFreeIPs, func(c *call, prefix *row, sent map[string]any) *refusal {
		net := netOf(prefix, "prefix")
		bits, refused := maskSent(c.s, net, sent)
		if refused != nil {
			return refused
		}
		free := c.s.freeIPs(prefix, 1)
		if len(free) == 0 {
			return insufficient()
		}
		sent["address"] = netip.PrefixFrom(free[0], bits).String()
		sent["vrf"] = vrfOf(prefix)
		return nil
	})
}

// maskSent is the length of the mask that a request wants, since 4.6.
func maskSent(s *Server, net netip.Prefix, sent map[string]any) (int, *refusal) {
	wanted, named := sent["prefix_length"]
	delete(sent, "prefix_length")
	if !named || !s.version.has(v46) {
		return net.Bits(), nil
	}
	bits, err := strconv.Atoi(str(wanted))
	text := ""
	switch {
	case err != nil:
		text = "A valid integer is required."
	case bits < net.Bits():
		text = fmt.Sprintf("Prefix length must be greater than or equal to the parent mask length (%d)", net.Bits())
	case bits > net.Addr().BitLen():
		text = fmt.Sprintf("Invalid prefix length (%d) for IPv%d", bits, map[bool]int{true: 6, false: 4}[net.Addr().Is4()])
	default:
		return bits, nil
	}
	return 0, &refusal{status: http.StatusBadRequest, body: []any{map[string]any{"prefix_length": text}}}
}

func vrfOf(prefix *row) any {
	if id := prefix.ref("vrf"); id != 0 {
		return jsonNumber(id)
	}
	return nil
}

func showFreeIPs(c *call, prefix *row) []byte {
	limit := pageSize
	if n, err := strconv.Atoi(c.r.URL.Query().Get("limit")); err == nil {
		if limit = n; n <= 0 {
			limit = c.s.options.MaxPageSize
		}
	}
	net, e := netOf(prefix, "prefix"), c.encoder()
	e.open('[')
	for _, addr := range c.s.freeIPs(prefix, min(limit, c.s.options.MaxPageSize)) {
		e.next()
		e.free(prefix, "address", netip.PrefixFrom(addr, net.Bits()))
	}
	e.close(']')
	return e.buf
}

// free writes something that is not there yet.
func (e *encoder) free(prefix *row, name string, net netip.Prefix) {
	e.open('{')
	e.key("family")
	e.number(map[bool]int64{true: 4, false: 6}[net.Addr().Is4()])
	e.pair(name, net.String())
	e.key("vrf")
	e.brief(e.s.tables["ipam/vrfs"], prefix.ref("vrf"), nil)
	e.close('}')
}

// freeIPs are the first free addresses of a prefix, at most so many.
func (s *Server) freeIPs(prefix *row, most int) []netip.Addr {
	net := netOf(prefix, "prefix")
	addr, last := net.Addr(), lastOf(net)
	if pool := prefix.get("is_pool") == true; !pool && net.Bits() < addr.BitLen()-1 {
		if addr = addr.Next(); addr.Is4() {
			last = last.Prev()
		}
	}
	everywhere := prefix.ref("vrf") == 0 && prefix.text("status") == "container"
	var out []netip.Addr
	for ; addr.IsValid() && addr.Compare(last) <= 0 && len(out) < most; addr = addr.Next() {
		if !s.used(addr, prefix.ref("vrf"), everywhere) {
			out = append(out, addr)
		}
	}
	return out
}

func (s *Server) used(addr netip.Addr, vrf int64, everywhere bool) bool {
	t := s.tables["ipam/ip-addresses"]
	return slices.ContainsFunc(t.by("host", addr), func(id int64) bool { return everywhere || t.rows[id].ref("vrf") == vrf })
}

func availablePrefixes(c *call, id int64) *refusal {
	return available(c, id, "ipam/prefixes", showFreeNets, func(c *call, prefix *row, sent map[string]any) *refusal {
		bits, refused := lengthSent(netOf(prefix, "prefix"), sent)
		if refused != nil {
			return refused
		}
		for _, net := range c.s.freeNets(prefix) {
			if net.Bits() <= bits {
				sent["prefix"], sent["vrf"] = netip.PrefixFrom(net.Addr(), bits).String(), vrfOf(prefix)
				return nil
			}
		}
		return insufficient()
	})
}

func lengthSent(net netip.Prefix, sent map[string]any) (int, *refusal) {
	wanted, named := sent["prefix_length"]
	delete(sent, "prefix_length")
	bits, err := strconv.Atoi(str(wanted))
	text := ""
	switch {
	case !named || wanted == nil:
		text = "this field can not be missing"
	case kindOf(wanted) != "int" || err != nil:
		text = "this field must be int type"
	case bits > net.Addr().BitLen():
		text = fmt.Sprintf("Invalid prefix length (%d) for IPv%d", bits, map[bool]int{true: 4, false: 6}[net.Addr().Is4()])
	default:
		return bits, nil
	}
	return 0, &refusal{status: http.StatusBadRequest, body: []any{map[string]any{"prefix_length": text}}}
}

func showFreeNets(c *call, prefix *row) []byte {
	e := c.encoder()
	e.open('[')
	for _, net := range c.s.freeNets(prefix) {
		e.next()
		e.free(prefix, "prefix", net)
	}
	e.close(']')
	return e.buf
}

// freeNets are what prefixes within a prefix leave of it, in order.
func (s *Server) freeNets(prefix *row) []netip.Prefix {
	everywhere := prefix.ref("vrf") == 0 && prefix.text("status") == "container"
	outer := netOf(prefix, "prefix")
	var taken []netip.Prefix
	for _, other := range prefix.table.rows {
		if net := netOf(other, "prefix"); inside(net, outer) && (everywhere || other.ref("vrf") == prefix.ref("vrf")) {
			taken = append(taken, net)
		}
	}
	return leftOf(outer, taken)
}

// leftOf is a network without others, in as few networks as possible.
func leftOf(net netip.Prefix, taken []netip.Prefix) []netip.Prefix {
	var within []netip.Prefix
	for _, other := range taken {
		switch {
		case other.Bits() <= net.Bits() && other.Contains(net.Addr()):
			return nil
		case net.Contains(other.Addr()):
			within = append(within, other)
		}
	}
	if len(within) == 0 {
		return []netip.Prefix{net}
	}
	low := netip.PrefixFrom(net.Addr(), net.Bits()+1)
	high := netip.PrefixFrom(lastOf(low).Next(), net.Bits()+1)
	return append(leftOf(low, within), leftOf(high, within)...)
}
