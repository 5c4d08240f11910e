package notify

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden are messages of each event, as they read.
func golden() []reconcile.Message {
	var out []reconcile.Message
	for _, event := range reconcile.Occasions() {
		m := message(event, "shop-prod")
		out = append(out, m)
	}
	reminder := message(reconcile.DriftFound, "shop-prod")
	reminder.Reminder, reminder.Severity = true, reconcile.Critical
	over := message(reconcile.StepsFailed, "shop-prod")
	over.Recovery, over.Sentence, over.Details = true, "All 12 resources are as Git says.", nil
	all := message(reconcile.ConfigRefused, "")
	all.Severity, all.Run, all.Revision, all.Link = reconcile.Info, "", "", ""
	return append(out, reminder, over, all)
}

func TestTexts(t *testing.T) {
	var out strings.Builder
	for _, m := range golden() {
		text, err := slackText(m, "https://rc.example.com"+m.Link)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "== %s reminder=%v recovery=%v\n%s\n\n", m.Event, m.Reminder, m.Recovery, text)
	}
	path := filepath.Join("testdata", "slack.golden")
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the texts are not those of %s (-update writes them anew):\n%s", path, out.String())
	}
}

func TestSlackBody(t *testing.T) {
	b := newInbox(t, "")
	d := newDesk(t, at(b, "chat", Slack))
	d.start()
	d.Notify(message(reconcile.DriftFound, "shop-prod"))
	d.settled("chat")
	var body struct {
		Text   string `json:"text"`
		Blocks []struct {
			Type string `json:"type"`
			Text struct{ Type, Text string }
		} `json:"blocks"`
		LinkNames any   `json:"link_names"`
		Unfurl    *bool `json:"unfurl_links"`
	}
	if err := json.Unmarshal([]byte(b.taken()[0].body), &body); err != nil {
		t.Fatal(err)
	}
	if body.Blocks[0].Type != "section" || body.Blocks[0].Text.Type != "mrkdwn" || body.Blocks[0].Text.Text != body.Text || body.LinkNames != nil || body.Unfurl == nil || *body.Unfurl {
		t.Errorf("%s", b.taken()[0].body)
	}
	if !strings.Contains(body.Text, "<https://rc.example.com/stacks/shop-prod|look>") {
		t.Errorf("no link: %s", body.Text)
	}
}

// hostile are texts that others may have written, into names, commits and answers of APIs.
var hostile = []string{
	"<!channel>", "<!here|now>", "<@U123>", "<https://evil.example|https://good.example>", "<!subteam^S1>", "@channel", "@all do this", "(@here)", "@everyone",
	"[click](https://evil.example)", "![x](https://evil.example/pixel.png)", "```\n<!channel>", "`@here`", "&lt;!channel&gt;", "a\x1b[2Jb", "a\r\nb", "\u202egnp.exe",
	"\u2066x", "/close", "{{.Secret}}", "\x00", "\xff\xfe", strings.Repeat("<!channel>", 5000), strings.Repeat("&", 9000),
}

// mention is what Slack or Mattermost would act on.
var mention = regexp.MustCompile(`<[!@#]|(^|[^\pL\pN])@[\pL]|\]\(|<[^>]*evil`)

// S28: nothing that others wrote mentions, links or commands, wherever it stands.
func TestS28(t *testing.T) {
	for _, text := range hostile {
		for _, event := range reconcile.Occasions() {
			m := message(event, text)
			m.Sentence, m.Run, m.Revision, m.Condition = text, text, text, reconcile.Condition(text)
			m.Details = []string{text, text}
			got, err := slackText(m, "https://rc.example.com/stacks/x?q=<!here>|a")
			if err != nil {
				t.Fatal(err)
			}
			if found := mention.FindString(got); found != "" {
				t.Errorf("%s: %.40q comes through as %q in %.300q", event, text, found, got)
			}
			if strings.ContainsAny(got, "\x00\x1b\r\u202e\u2066") || !utf8.ValidString(got) {
				t.Errorf("%s: %.40q: control characters come through", event, text)
			}
			if strings.Count(got, "```")%2 != 0 || len(got) > 3000 {
				t.Errorf("%s: %.40q: it breaks out of its block, or is %d long", event, text, len(got))
			}
		}
	}
	t.Logf("S28: %d texts in %d events: none comes through", len(hostile), len(reconcile.Occasions()))
}

// FuzzPlain: whatever is written, nothing of it is markup.
func FuzzPlain(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := plain(text, 10000); strings.ContainsAny(got, "<>`\n\r\x1b") || mention.MatchString(got) || !utf8.ValidString(got) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}
