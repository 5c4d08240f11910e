package web

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What every request must get past, before anybody asks who sent it. A browser
// that shows a hostile page can send requests to loopback; it cannot choose
// their Host and Origin.

// admit says why a request is refused at the door, nil if it is not.
func (s *Server) admit(r *http.Request, open bool) *refusal {
	settings := s.settings()
	host := strings.ToLower(hostOnly(r.Host))
	if !loopbackName(host) && !arrivedAt(r, host) && !slices.ContainsFunc(settings.names(), func(name string) bool { return strings.EqualFold(name, host) }) {
		return refuse(http.StatusMisdirectedRequest, "this daemon is not reached by the name %q; the operator's file lists its names under url and hosts", host)
	}
	if origins := r.Header.Values("Origin"); len(origins) > 0 && (len(origins) > 1 || !ownOrigin(r, settings, origins[0])) {
		return forbidden("requests of pages from elsewhere are refused")
	}
	// Browsers say it also where they send no Origin. Pages may be linked to from anywhere.
	if site := r.Header.Get("Sec-Fetch-Site"); !open && site != "" && site != "same-origin" && site != "none" {
		return forbidden("requests of pages from elsewhere are refused")
	}
	return nil
}

// hostOnly is a host without its port.
func hostOnly(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// arrivedAt tells whether host is the address at which the request arrived. A
// page needs a name to be rebound, so an address is safe, and probes use it.
func arrivedAt(r *http.Request, host string) bool {
	at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	ip, local := net.ParseIP(host), net.ParseIP(hostOnly(at.String()))
	return ip != nil && local != nil && ip.Equal(local)
}

// ownOrigin tells whether an origin is that of our pages: the address that the
// operator configured, or the one by which the request came.
func ownOrigin(r *http.Request, settings Settings, origin string) bool {
	own, err := settings.origin()
	if err == nil && own != "" && strings.EqualFold(own, origin) {
		return true
	}
	at, err := url.Parse(origin)
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return err == nil && at.Scheme == scheme && at.Host != "" && strings.EqualFold(at.Host, r.Host) &&
		at.Path == "" && at.RawQuery == "" && at.User == nil
}

// harden sets what every answer says to browsers.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'self'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}
