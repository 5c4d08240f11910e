package simulator

import (
	"cmp"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An effect is what faults of one kind do to a request.
type effect struct {
	kind string
	bend func(r *rule, b *bending)
}

func effects() []effect {
	return []effect{
		{"status", func(r *rule, b *bending) { b.refusal = r.refuse }},
		{"forbidden", func(r *rule, b *bending) { b.refusal = func(c *call) answer { return refusal(403, c) } }},
		{"quota", func(r *rule, b *bending) {
			b.refusal = func(c *call) answer { return quotaExceeded(c.route.resource(), 100, 100) }
		}},
		{"out-of-stock", func(r *rule, b *bending) {
			b.refusal = func(c *call) answer { return outOfStock(c.route.resource()) }
		}},
		{"transient", func(r *rule, b *bending) { b.refusal = func(c *call) answer { return refusal(409, c) } }},
		{"latency", func(r *rule, b *bending) { b.latency += r.seconds() }},
		{"slow", func(r *rule, b *bending) { b.slow += r.seconds() }},
		{"lost", loseAnswer},
		{"late", executeLate},
		{"stale", showPast},
		{"short", func(r *rule, b *bending) {
			b.view.hide, b.view.seed, b.view.kept = max(r.Items, 1), uint64(r.Seed), r.Total != "moved"
		}},
		{"empty", func(r *rule, b *bending) { b.view.empty, b.view.kept = true, r.Total != "moved" }},
		{"shift", func(r *rule, b *bending) { b.view.shift, b.view.kept = r.upTo(r.Items), r.Total != "moved" }},
		{"any-name", func(r *rule, b *bending) { b.view.anyName = true }},
		{"truncated", func(r *rule, b *bending) { b.mangle = append(b.mangle, truncate) }},
		{"html", answerPage},
		{"content-type", func(r *rule, b *bending) { b.mangle = append(b.mangle, plainText) }},
	}
}

func faultKinds() []string {
	var kinds []string
	for _, e := range slices.Concat(effects(), netboxEffects(), hookEffects()) {
		if !slices.Contains(kinds, e.kind) {
			kinds = append(kinds, e.kind)
		}
	}
	return kinds
}

// loseAnswer cuts the connection, or puts a status in place of the answer.
func loseAnswer(r *rule, b *bending) {
	if r.Status == 0 {
		b.cut = cmp.Or(r.Cut, cutBefore)
		return
	}
	b.mangle = append(b.mangle, func(answer) answer { return plainRefusal(r.Status) })
}

func executeLate(r *rule, b *bending) {
	b.late = r.seconds()
	loseAnswer(r, b)
}

func showPast(r *rule, b *bending) {
	lag := time.Duration(r.random.Int64N(int64(r.seconds()) + 1))
	b.view.listLag = lag
	if r.Gets {
		b.view.getLag = lag
	}
}

// refuse answers with the fault's status.
func (r *rule) refuse(c *call) answer {
	a := refusal(r.Status, c)
	if r.Body != "" {
		a = rawReply(r.Status, []byte(r.Body))
	}
	if r.RetryAfter > 0 {
		header := map[string]string{"Retry-After": strconv.Itoa(r.RetryAfter)}
		for name, value := range a.header {
			header[name] = value
		}
		a.header = header
	}
	return a
}

// refusal is the body that Scaleway sends with a status.
func refusal(status int, c *call) answer {
	switch status {
	case http.StatusUnauthorized:
		return denied("not_found")
	case http.StatusForbidden:
		return forbidden(action(c.route.method), c.route.resource())
	case http.StatusNotFound:
		return notFound(c.route.resource(), c.id)
	case http.StatusConflict:
		return transientRefusal(c)
	}
	return plainRefusal(status)
}

// transientRefusal names the resource, or on a creation what it is to live in.
func transientRefusal(c *call) answer {
	if k := c.kind; k != nil && c.id == "" && k.parent != "" {
		return transient(k.parent, text(c.body, k.within), "updating")
	}
	return transient(c.route.resource(), c.id, "updating")
}

func plainRefusal(status int) answer {
	if status == http.StatusTooManyRequests {
		return rateLimited()
	}
	return reply(status, doc{"message": strings.ToLower(http.StatusText(status))})
}

func truncate(a answer) answer {
	a.body = a.body[:len(a.body)/2]
	return a
}

func answerPage(r *rule, b *bending) {
	b.mangle = append(b.mangle, func(a answer) answer {
		a.status, a.contentType = cmp.Or(r.Status, http.StatusOK), "text/html; charset=utf-8"
		a.body = []byte("<html><body><h1>We are down for maintenance</h1></body></html>\n")
		return a
	})
}

func plainText(a answer) answer {
	a.contentType = "text/plain; charset=utf-8"
	return a
}

// hideSome leaves out n resources. Which ones depends on the seed and their ids
// alone, so that all pages agree.
func hideSome(shown []*phase, n int, seed uint64) []*phase {
	rank := func(p *phase) uint64 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(strconv.FormatUint(seed, 16) + text(p.doc, "id") + text(p.doc, "access_key")))
		return h.Sum64()
	}
	hidden := slices.Clone(shown)
	slices.SortStableFunc(hidden, func(a, b *phase) int { return cmp.Compare(rank(a), rank(b)) })
	hidden = hidden[:min(n, len(hidden))]
	return slices.DeleteFunc(slices.Clone(shown), func(p *phase) bool { return slices.Contains(hidden, p) })
}
