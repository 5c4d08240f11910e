package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// shortestMasked is the length from which a value is masked in the logs: without
// shorter ones no text would be left to read.
const shortestMasked = 4

// masks are the values that must not be logged. It may be used concurrently.
type masks struct {
	mu       sync.Mutex
	known    map[string]bool
	replacer *strings.Replacer // nil: made at the next use
}

func newMasks() *masks { return &masks{known: map[string]bool{}} }

// add has a value masked from now on, however it is written.
func (m *masks) add(secrets ...reconcile.Secret) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, secret := range secrets {
		value := strings.TrimSpace(secret.Reveal())
		if len(value) < shortestMasked || m.known[value] {
			continue
		}
		for _, form := range written(value) {
			m.known[form] = true
		}
		m.replacer = nil
	}
}

// written are the forms that a value takes in texts.
func written(value string) []string {
	inJSON, _ := json.Marshal(value) // a string always has a form
	return []string{
		value, strings.Trim(strconv.Quote(value), `"`), strings.Trim(string(inJSON), `"`), reconcile.Clean(value),
		url.QueryEscape(value), url.PathEscape(value),
		strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "="), strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(value)), "="),
	}
}

// watched is an environment whose credentials are masked once they were read.
func (m *masks) watched(getenv func(string) string) func(string) string {
	return func(name string) string {
		value := getenv(name)
		for _, word := range []string{"SECRET", "TOKEN", "PASSWORD"} {
			if strings.Contains(name, word) && !strings.HasSuffix(name, "_FILE") {
				m.add(reconcile.NewSecret(value))
			}
		}
		return value
	}
}

// clean is a text without the values.
func (m *masks) clean(text string) string {
	m.mu.Lock()
	if m.replacer == nil {
		m.replacer = m.made()
	}
	replacer := m.replacer
	m.mu.Unlock()
	return replacer.Replace(text)
}

// made replaces the longest first: one value may be part of another.
func (m *masks) made() *strings.Replacer {
	var forms []string
	for form := range m.known {
		forms = append(forms, form)
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range forms {
		pairs = append(pairs, form, reconcile.Masked)
	}
	return strings.NewReplacer(pairs...)
}

// masked is a writer that each record is written to as a whole.
type masked struct {
	to    io.Writer
	masks *masks
}

func (w masked) Write(record []byte) (int, error) {
	if _, err := io.WriteString(w.to, w.masks.clean(string(record))); err != nil {
		return 0, err
	}
	return len(record), nil
}

// attr masks a text before it is quoted for the log, and so perhaps for the
// second time. Durations are written as people read them, in JSON too.
func (m *masks) attr(_ []string, a slog.Attr) slog.Attr {
	switch value := a.Value.Resolve(); value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(m.clean(value.String()))
	case slog.KindDuration:
		a.Value = slog.StringValue(value.Duration().String())
	case slog.KindAny:
		if err, ok := value.Any().(error); ok {
			a.Value = slog.StringValue(m.clean(err.Error()))
		}
	}
	return a
}

// logger writes lines for people, or JSON for programs.
func logger(to io.Writer, masks *masks, format string, level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: masks.attr}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(masked{to, masks}, o))
	}
	return slog.New(slog.NewTextHandler(masked{to, masks}, o))
}
