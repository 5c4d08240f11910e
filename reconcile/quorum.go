package reconcile

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Asks tells whether more is asked for than that somebody approves.
func (q Quorum) Asks() bool { return q.Count > 1 || q.NotAuthor || q.NotCommitter }

// And is what both ask for: the stricter of each.
func (q Quorum) And(other Quorum) Quorum {
	q.Count = max(1, q.Count)
	stricter := Quorum{Count: max(q.Count, other.Count), NotAuthor: q.NotAuthor || other.NotAuthor, NotCommitter: q.NotCommitter || other.NotCommitter, Pos: q.Pos}
	if stricter.Count > q.Count || stricter.NotAuthor != q.NotAuthor || stricter.NotCommitter != q.NotCommitter {
		stricter.Pos = other.Pos
	}
	return stricter
}

// String says it in a few words.
func (q Quorum) String() string {
	text := "of one person"
	if q.Count > 1 {
		text = fmt.Sprintf("of %d people", q.Count)
	}
	if q.NotAuthor {
		text += ", not the author of the commit"
	}
	if q.NotCommitter {
		text += ", not who committed it"
	}
	return text
}

// Refuses says why somebody's approval of a revision does not count, "" if it does.
func (q Quorum) Refuses(by Actor, of Revision) string {
	if !q.Asks() {
		return ""
	}
	if len(by.words()) == 0 {
		return "nobody knows who approved"
	}
	for _, rule := range []struct {
		on       bool
		who, did string
	}{{q.NotAuthor, of.Author, "wrote"}, {q.NotCommitter, of.Committer, "committed"}} {
		switch {
		case !rule.on:
		case rule.who == "" || strings.HasSuffix(of.ID, "+"):
			return fmt.Sprintf("who %s %s is not known: it is no commit", rule.did, of.Short())
		case !by.named():
			return fmt.Sprintf("%s says nothing of whose it is, so it cannot be told from who %s the commit; name tokens by a mail address", by.called(), rule.did)
		case overlap(by.words(), personWords(rule.who)):
			return fmt.Sprintf("%s %s the commit", by.called(), rule.did)
		}
	}
	return ""
}

// A Tally is how far an approval has come.
type Tally struct {
	Want    int
	By      []string // different people whose approval counts
	Refused []string // why some do not count
}

// Tally counts the people behind orders that approve the same thing.
func (q Quorum) Tally(orders []Order, of Revision) Tally {
	t := Tally{Want: max(1, q.Count)}
	var people [][]string
	for _, o := range orders {
		if why := q.Refuses(o.By, of); why != "" {
			if !slices.Contains(t.Refused, why) {
				t.Refused = append(t.Refused, why)
			}
			continue
		}
		words := o.By.words()
		called := o.By.called()
		for i := len(people) - 1; i >= 0; i-- { // who shares a word with two makes them one
			if overlap(people[i], words) {
				called, words = t.By[i], append(words, people[i]...)
				people, t.By = slices.Delete(people, i, i+1), slices.Delete(t.By, i, i+1)
			}
		}
		people, t.By = append(people, words), append(t.By, called)
	}
	return t
}

// Missing is how many people are still wanted.
func (t Tally) Missing() int { return max(0, t.Want-len(t.By)) }

// String is as people read it: "1 of 2 (j.doe)".
func (t Tally) String() string {
	text := fmt.Sprintf("%d of %d", len(t.By), t.Want)
	if len(t.By) > 0 {
		text += " (" + strings.Join(t.By, ", ") + ")"
	}
	for _, why := range t.Refused {
		text += "; not counted: " + why
	}
	return text
}

// called is how people know an actor.
func (a Actor) called() string { return Clean(cmp.Or(a.Email, a.User, a.Via, a.Kind, "somebody")) }

// named tells whether it is known which person an actor is. Of a token that
// bears no mail address only its name is.
func (a Actor) named() bool {
	switch {
	case a.Email != "":
		return true
	case a.Kind == "api":
		return a.User != "" && a.User != a.Via && !strings.ContainsAny(a.User, ":/")
	}
	return a.User != ""
}

// words are what somebody may be known by. Two actors that share one count as
// the same person: that errs on the side of asking one more.
func (a Actor) words() []string {
	out := slices.Concat(personWords(a.Email), personWords(a.User), personWords(a.Maker))
	slices.Sort(out)
	return slices.Compact(out)
}

var (
	mailAddress = regexp.MustCompile(`[^\s<>]+@[^\s<>]+`)
	noreply     = regexp.MustCompile(`^[0-9]+-`) // GitLab's and others' addresses that hide the real one
	separators  = strings.NewReplacer(".", "", "-", "", "_", "", " ", "", `"`, "", "'", "")
)

// personWords are a login, or a name and address, as words that can be compared:
// the whole address, what stands before its @, and the name.
func personWords(text string) []string {
	text = strings.ToLower(text)
	var out []string
	add := func(word string) {
		if word = separators.Replace(strings.TrimSpace(word)); word != "" {
			out = append(out, word)
		}
	}
	for _, address := range mailAddress.FindAllString(text, -1) {
		local, _, _ := strings.Cut(address, "@")
		local, _, _ = strings.Cut(local, "+")
		if strings.Contains(address, "noreply") {
			local = noreply.ReplaceAllString(local, "")
		}
		add(address)
		add(local)
	}
	add(strings.NewReplacer("<", "", ">", "").Replace(mailAddress.ReplaceAllString(text, "")))
	return out
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(word string) bool { return slices.Contains(b, word) })
}
