package netbox_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
)

func TestAvailable(t *testing.T) {
	c := call(t, "")
	seed(t, c.s, "ipam/prefixes", m{"prefix": "10.0.0.0/29"})
	seed(t, c.s, "ipam/prefixes", m{"prefix": "10.0.1.0/30", "is_pool": true})
	seed(t, c.s, "ipam/prefixes", m{"prefix": "2001:db8::/126"})
	seed(t, c.s, "ipam/prefixes", m{"prefix": "10.1.0.0/16", "status": "container"})
	seed(t, c.s, "ipam/prefixes", m{"prefix": "10.1.64.0/18"})
	const ips = "ipam/prefixes/1/available-ips/"
	c.want(200, "GET", ips+"?limit=2", nil, l{m{"family": 4, "address": "10.0.0.1/29", "vrf": nil}, m{"address": "10.0.0.2/29"}})
	c.want(201, "POST", ips, m{"status": "reserved", "tenant": m{"slug": "shop"}, "address": "9.9.9.9/8"},
		m{"address": "10.0.0.1/29", "status": m{"value": "reserved"}, "tenant": m{"slug": "shop"}})
	c.want(201, "POST", ips, l{m{}, m{"dns_name": "A.Example"}}, l{m{"address": "10.0.0.2/29"}, m{"address": "10.0.0.3/29", "dns_name": "a.example"}})
	c.want(400, "POST", ips, m{"status": "bogus"}, m{"status": l{"bogus is not a valid choice."}})
	c.want(201, "POST", ips, m{"prefix_length": 32}, m{"address": "10.0.0.4/32"})
	c.want(400, "POST", ips, m{"prefix_length": 8}, l{m{"prefix_length": "Prefix length must be greater than or equal to the parent mask length (29)"}})
	c.want(409, "POST", ips, l{m{}, m{}, m{}}, m{"detail": "Insufficient resources are available to satisfy the request"})
	c.want(201, "POST", ips, l{m{}, m{}}, nil)
	c.want(200, "GET", ips, nil, l{})
	c.want(201, "POST", ips, l{}, l{})
	c.want(404, "POST", "ipam/prefixes/99/available-ips/", m{}, m{"detail": "No Prefix matches the given query."})
	c.want(201, "POST", "ipam/prefixes/2/available-ips/", m{}, m{"address": "10.0.1.0/30"})
	c.want(201, "POST", "ipam/prefixes/3/available-ips/", m{}, m{"address": "2001:db8::1/126"})

	const nets = "ipam/prefixes/4/available-prefixes/"
	c.want(200, "GET", nets, nil, l{m{"prefix": "10.1.0.0/18"}, m{"prefix": "10.1.128.0/17"}})
	c.want(201, "POST", nets, l{m{"prefix_length": 24}, m{"prefix_length": 17}}, l{m{"prefix": "10.1.0.0/24"}, m{"prefix": "10.1.128.0/17"}})
	c.want(409, "POST", nets, m{"prefix_length": 17}, nil)
	c.want(400, "POST", nets, m{}, l{m{"prefix_length": "this field can not be missing"}})
	c.want(400, "POST", nets, m{"prefix_length": 99}, l{m{"prefix_length": "Invalid prefix length (99) for IPv4"}})
}

// TestNobodyGetsTheSameAddress: whatever many clients take, make and give back at
// once, no address is there twice and none is taken that was not free.
func TestNobodyGetsTheSameAddress(t *testing.T) {
	c := call(t, "")
	seed(t, c.s, "ipam/prefixes", m{"prefix": "10.0.0.0/25"})
	var clients sync.WaitGroup
	for n := range 8 {
		clients.Go(func() { someAddresses(t, c, rand.New(rand.NewPCG(uint64(n), 1))) })
	}
	clients.Wait()
	var page struct {
		Count   int
		Results []struct{ Address string }
	}
	if err := json.Unmarshal(c.send("GET", "ipam/ip-addresses/?limit=1000", nil).Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range page.Results {
		if seen[r.Address] {
			t.Errorf("%s is there twice", r.Address)
		}
		seen[r.Address] = true
	}
	if page.Count == 0 || page.Count > 126 {
		t.Errorf("%d addresses are there of 126", page.Count)
	}
}

// someAddresses does what a client might, and checks what it is told.
func someAddresses(t *testing.T, c caller, random *rand.Rand) {
	mine := map[int64]string{}
	for range 120 {
		switch random.IntN(4) {
		case 0, 1:
			w := c.send("POST", "ipam/prefixes/1/available-ips/", m{})
			keep(t, mine, w.Code, w.Body.Bytes(), http.StatusConflict)
		case 2:
			w := c.send("POST", "ipam/ip-addresses/", m{"address": fmt.Sprintf("10.0.0.%d/25", 1+random.IntN(126))})
			keep(t, mine, w.Code, w.Body.Bytes(), http.StatusBadRequest)
		default:
			for id := range mine {
				if w := c.send("DELETE", fmt.Sprintf("ipam/ip-addresses/%d/", id), nil); w.Code != http.StatusNoContent {
					t.Errorf("giving %s back: %d", mine[id], w.Code)
				}
				delete(mine, id)
				break
			}
		}
	}
	for id, address := range mine {
		var row struct{ Address string }
		if err := json.Unmarshal(c.send("GET", fmt.Sprintf("ipam/ip-addresses/%d/", id), nil).Body.Bytes(), &row); err != nil || row.Address != address {
			t.Errorf("%d is %q, want %s (%v)", id, row.Address, address, err)
		}
	}
}

func keep(t *testing.T, mine map[int64]string, status int, body []byte, refused int) {
	var row struct {
		ID      int64
		Address string
	}
	if err := json.Unmarshal(body, &row); status == http.StatusCreated && err == nil {
		mine[row.ID] = row.Address
	} else if status != refused {
		t.Errorf("taking an address: %d %s", status, body)
	}
}
