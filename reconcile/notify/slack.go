package notify

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"text/template"
	"unicode"

	"gitlab.com/reconciled/reconciled/reconcile"
)

//go:embed templates
var texts embed.FS

// templates are the texts of messages, one per event, and what they share.
var templates = sync.OnceValues(func() (*template.Template, error) {
	return template.New("").Option("missingkey=error").ParseFS(texts, "templates/*.tmpl")
})

// Slack takes 3,000 characters in a block and 40,000 in a message; nobody reads as many.
const (
	maxText   = 2900 // bytes
	maxWord   = 100  // bytes of a name
	maxDetail = 20   // lines
)

// said is what a template sees: everything that others wrote is harmless already.
type said struct {
	reconcile.Message
	URL  string
	More int // details that were left out
}

// slackBody is a message as Slack and Mattermost take it. Slack shows the block,
// Mattermost the text.
func slackBody(m reconcile.Message, link string) ([]byte, error) {
	text, err := slackText(m, link)
	if err != nil {
		return nil, err
	}
	type mrkdwn struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	type section struct {
		Type string `json:"type"`
		Text mrkdwn `json:"text"`
	}
	return json.Marshal(struct {
		Text   string    `json:"text"`
		Blocks []section `json:"blocks"`
		Links  bool      `json:"unfurl_links"`
		Media  bool      `json:"unfurl_media"`
	}{text, []section{{"section", mrkdwn{"mrkdwn", text}}}, false, false})
}

func slackText(m reconcile.Message, link string) (string, error) {
	all, err := templates()
	if err != nil {
		return "", fmt.Errorf("read the texts of messages: %w", err)
	}
	var out bytes.Buffer
	name := string(m.Event)
	if m.Recovery {
		name = string(reconcile.Recovered)
	}
	if err := all.ExecuteTemplate(&out, name+".tmpl", harmless(m, link)); err != nil {
		return "", fmt.Errorf("write the message %s: %w", m.Event, err)
	}
	return strings.TrimSpace(out.String()), nil
}

// harmless takes out of a message what would be more than text to Slack or Mattermost.
func harmless(m reconcile.Message, link string) said {
	s := said{Message: m, URL: strings.NewReplacer("<", "%3C", ">", "%3E", "|", "%7C").Replace(link)}
	s.Stack, s.Run, s.Revision = plain(m.Stack, maxWord), plain(m.Run, maxWord), plain(m.Revision, maxWord)
	s.Condition, s.Sentence = reconcile.Condition(plain(string(m.Condition), maxWord)), plain(m.Sentence, maxText/3)
	s.Details = nil
	left := maxText / 2
	for _, line := range m.Details {
		if line = plain(line, maxText/4); len(s.Details) == maxDetail || len(line) > left {
			s.More = len(m.Details) - len(s.Details)
			break
		}
		left -= len(line)
		s.Details = append(s.Details, line)
	}
	return s
}

// plain is text of others as Slack wants it escaped, cut to about most bytes.
// Mentions, which Mattermost finds without brackets, links and code spans lose
// what makes them so.
func plain(s string, most int) string {
	s = reconcile.Clean(s[:min(len(s), most)]) // before it is cut again: cleaning makes it longer
	s = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "'", "](", "]\u200b(").Replace(s)
	var out strings.Builder
	before := ' '
	for _, r := range s {
		out.WriteRune(r)
		if r == '@' && !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			out.WriteRune('\u200b')
		}
		before = r
	}
	return clip(out.String(), most)
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	s = strings.ToValidUTF8(s[:most], "")
	if i := strings.LastIndexByte(s, '&'); i > len(s)-6 {
		s = s[:i] // half of an escape
	}
	return s + "..."
}
