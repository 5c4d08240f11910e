package simulator

import (
	"net"
	"net/http"
	"strconv"

	"github.com/google/uuid"
)

// deliver sends an answer with the headers that Scaleway's have.
func deliver(w http.ResponseWriter, a answer, cut string) {
	h := w.Header()
	h.Set("X-Request-Id", uuid.NewString())
	h.Set("Server", "Scaleway API Gateway (fr-par-3;edge03)")
	h.Set("Strict-Transport-Security", "max-age=63072000")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	send(w, a, cut)
}

// send sends an answer, or the part of it that arrives before the connection is
// cut: nothing, half of it, or all.
func send(w http.ResponseWriter, a answer, cut string) {
	if cut == cutBefore {
		reset(w)
		return
	}
	h := w.Header()
	for name, value := range a.header {
		h.Set(name, value)
	}
	// A nil value keeps the server from guessing a type.
	h["Content-Type"] = nil
	if a.contentType != "" {
		h.Set("Content-Type", a.contentType)
	}
	if a.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	body := a.body
	if cut == cutWithin {
		body = body[:len(body)/2]
	}
	_, _ = w.Write(body)
	if cut != "" {
		_ = http.NewResponseController(w).Flush()
		reset(w)
	}
}

// reset ends the connection with a TCP reset where the server lets us.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
