package netbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// List implements inventory.Server.
func (c *Client) List(ctx context.Context, from inventory.Table, where url.Values) ([]json.RawMessage, error) {
	var all []json.RawMessage
	err := c.Pages(ctx, from, where, func(rows []json.RawMessage) error {
		all = append(all, rows...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Pages implements inventory.Pager: it reads what List reads, and hands on each
// page as it comes.
func (c *Client) Pages(ctx context.Context, from inventory.Table, where url.Values, take func([]json.RawMessage) error) error {
	status, err := c.Status(ctx)
	if err != nil {
		return err
	}
	l := &listing{client: c, from: from, where: c.lean(from, where, status), take: take}
	if status.Has(4, 6) {
		return l.byCursor(ctx)
	}
	return l.byOffset(ctx)
}

// First implements inventory.Server.
func (c *Client) First(ctx context.Context, from inventory.Table, where url.Values, n int) ([]json.RawMessage, error) {
	status, err := c.Status(ctx)
	if err != nil || n <= 0 {
		return nil, err
	}
	query := c.lean(from, where, status)
	query.Set("limit", strconv.Itoa(n))
	p, _, err := c.page(ctx, from, query)
	if err != nil {
		return nil, err
	}
	return p.rows[:min(n, len(p.rows))], nil
}

const contexts = "config_context"

// lean is a filter that leaves out what is dear to compute and never read: the
// rendered config context of each device. Since 4.7 exclude is ignored.
func (c *Client) lean(from inventory.Table, where url.Values, status inventory.Status) url.Values {
	query := maps.Clone(where)
	if query == nil {
		query = url.Values{}
	}
	if query.Get("exclude") == contexts {
		query.Del("exclude")
	}
	if from != inventory.Devices || query.Has("fields") || query.Has("brief") || query.Has("omit") || query.Has("exclude") {
		return query
	}
	if _, _, patch := numbers(status.Version); status.Has(4, 6) || status.Has(4, 5) && patch >= 2 {
		query.Set("omit", contexts)
	} else {
		query.Set("exclude", contexts)
	}
	return query
}

// page reads one page.
func (c *Client) page(ctx context.Context, from inventory.Table, query url.Values) (page, *answer, error) {
	list := c.tables[from].list
	if list == nil {
		return page{}, nil, unknown(from, "listed")
	}
	a, err := c.send(ctx, &exchange{query: query}, list)
	if err != nil {
		return page{}, nil, ofTable(err)
	}
	p, sound := paged(a.body)
	if !sound {
		return page{}, nil, a.odd("it is no listing: results with ids are missing")
	}
	return p, a, nil
}

// ofTable makes what is said of one row fit a whole table: no table is hidden, so
// one that is not there means another server, and says nothing of any row.
func ofTable(err error) error {
	var e *reconcile.Error
	if errors.As(err, &e) && e.Class == reconcile.NotFound {
		return &reconcile.Error{Class: reconcile.Unavailable, Message: e.Message, RequestID: e.RequestID, Fix: elsewhere, Err: err}
	}
	return err
}

func unknown(table inventory.Table, verb string) error {
	return &reconcile.Error{Class: reconcile.Invalid, Message: fmt.Sprintf("rows of %s cannot be %s here", table, verb)}
}

// A listing is being read. Rows come in the order of their ids, and each is handed
// on once.
type listing struct {
	client *Client
	from   inventory.Table
	where  url.Values
	take   func([]json.RawMessage) error
	last   int64 // id of the last row that was handed on
	pages  int   // read so far
}

// accept hands on the rows that are new, and tells how many they were.
func (l *listing) accept(p page, a *answer) (int, error) {
	l.pages++
	var fresh []json.RawMessage
	before := int64(0)
	for i, id := range p.ids {
		if id < before {
			return 0, a.odd("its rows are not in the order of their ids, so that none could be missed")
		}
		if before = id; id > l.last {
			fresh, l.last = append(fresh, p.rows[i]), id
		}
	}
	if len(fresh) == 0 {
		return 0, nil
	}
	return len(fresh), l.take(fresh)
}

// byCursor reads pages that begin at an id (since 4.6), so that rows that come and
// go move no others.
func (l *listing) byCursor(ctx context.Context) error {
	query := maps.Clone(l.where)
	query.Del("ordering") // which is by id already, and refused beside a cursor
	query.Del("offset")
	query.Set("limit", strconv.Itoa(l.client.pageSize))
	for start := int64(0); ; start = l.last + 1 {
		query.Set("start", strconv.FormatInt(start, 10))
		p, a, err := l.client.page(ctx, l.from, query)
		if err != nil {
			return err
		}
		if p.count >= 0 { // only pages by offset are counted
			l.client.forget()
			return a.odd("its pages are not by id; NetBox's version may have changed just now")
		}
		fresh, err := l.accept(p, a)
		switch {
		case err != nil:
			return err
		case !p.more:
			return nil
		case fresh == 0:
			return a.odd("it holds no further rows, and says that more follow")
		}
	}
}

// forget has the status asked for anew.
func (c *Client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = c.clock.Now()
}

// byOffset reads pages that begin at a number of rows (before 4.6). Rows that go
// meanwhile move those behind them; so each page begins with the last row of the
// one before, and where it does not, reading goes back. Several pages are asked
// for at once; the rows of one that came out otherwise than planned (fewer, say,
// as the server grants less) still count, and what was planned behind it does not.
func (l *listing) byOffset(ctx context.Context) error {
	step, offset, width := l.client.pageSize, 0, 1
	for {
		plan := make([]int, width)
		for i := range plan {
			plan[i] = offset + i*step
		}
		read, err := l.together(ctx, plan, step+1)
		if err != nil {
			return err
		}
		for i, r := range read {
			m, err := l.move(r, plan[i], step)
			if err != nil || m.ended {
				return err
			}
			offset, step = m.offset, m.step
			width = min(l.client.width, max(1, (m.left+step-1)/step))
			if m.unplanned {
				break
			}
		}
	}
}

// move is where a listing goes on after a page.
type move struct {
	offset, step, left int
	ended, unplanned   bool
}

func (l *listing) move(r result, offset, step int) (move, error) {
	got, count := len(r.page.rows), int(r.page.count)
	switch {
	case count < 0:
		return move{}, r.answer.odd("it is a listing without a count")
	case l.pages > 20+4*(count/step):
		return move{}, r.answer.odd("rows come and go faster than they can be read")
	case offset > 0 && (got == 0 && offset >= count || got > 0 && r.page.ids[0] > l.last):
		l.pages++
		return move{offset: max(0, offset-step), step: step, left: count, unplanned: true}, nil
	case got == 0 && offset < count:
		return move{}, r.answer.odd(fmt.Sprintf("it holds no rows from %d on, and counts %d", offset, count))
	}
	if _, err := l.accept(r.page, r.answer); err != nil {
		return move{}, err
	}
	m := move{offset: offset + got - 1, step: step, left: count - offset - got, ended: offset+got >= count}
	if got <= step && !m.ended {
		if got == 1 {
			return move{}, r.answer.odd(fmt.Sprintf("it holds one row, and counts %d; MAX_PAGE_SIZE of NetBox is too small", count))
		}
		m.step, m.unplanned = got-1, true
	}
	return m, nil
}

// result is a page, or why there is none.
type result struct {
	page   page
	answer *answer
	err    error
}

// together reads pages at once.
func (l *listing) together(ctx context.Context, offsets []int, limit int) ([]result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make([]result, len(offsets))
	ready := make(chan int)
	for i, offset := range offsets {
		go func() {
			query := maps.Clone(l.where)
			query.Set("ordering", "id")
			query.Set("limit", strconv.Itoa(limit))
			query.Set("offset", strconv.Itoa(offset))
			r := &results[i]
			r.page, r.answer, r.err = l.client.page(ctx, l.from, query)
			ready <- i
		}()
	}
	var first error
	for range offsets {
		if i := <-ready; results[i].err != nil && first == nil {
			first = results[i].err
			cancel()
		}
	}
	return results, first
}
