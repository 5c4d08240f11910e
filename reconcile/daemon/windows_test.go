package daemon_test

import (
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
	"gitlab.com/reconciled/reconciled/reconcile/daemon"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse("2006-01-02 15:04 -07", text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// R34: what runs at certain hours comes once on days on which clocks change, and
// what runs all the time goes on. Leap days come in leap years only.
func TestTicks(t *testing.T) {
	const paris = "Europe/Paris"
	tests := []struct {
		name, line, zone, from string
		want                   []string
	}{
		{"hour left out in spring", "30 2 * * *", paris, "2026-03-28 12:00 +01", []string{"2026-03-29 03:30 +02", "2026-03-30 02:30 +02"}},
		{"hour twice in autumn", "30 2 * * *", paris, "2026-10-24 12:00 +02", []string{"2026-10-25 02:30 +02", "2026-10-26 02:30 +01"}},
		{"every half hour in autumn", "*/30 * * * *", paris, "2026-10-25 01:40 +02",
			[]string{"2026-10-25 02:00 +02", "2026-10-25 02:30 +02", "2026-10-25 02:00 +01", "2026-10-25 02:30 +01", "2026-10-25 03:00 +01"}},
		{"every half hour in spring", "*/30 * * * *", paris, "2026-03-29 01:10 +01", []string{"2026-03-29 01:30 +01", "2026-03-29 03:00 +02", "2026-03-29 03:30 +02"}},
		{"leap day", "0 0 29 2 *", "UTC", "2026-01-01 00:00 +00", []string{"2028-02-29 00:00 +00", "2032-02-29 00:00 +00"}},
		{"half an hour of shift", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03 20:00 +11", []string{"2026-10-04 02:45 +11", "2026-10-05 02:15 +11"}},
		{"no midnight", "0 0 * * *", "America/Santiago", "2026-09-05 12:00 -04", []string{"2026-09-06 01:00 -03", "2026-09-07 00:00 -03"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := at(t, tt.from)
			for _, want := range tt.want {
				next, err := daemon.NextTick(tt.line, tt.zone, now)
				if err != nil {
					t.Fatal(err)
				}
				if !next.Equal(at(t, want)) {
					t.Errorf("after %s comes %s, want %s", now, next, want)
				}
				now = next
			}
		})
	}
}

// R34: however the clock jumps, the next tick is after now, and no tick comes twice.
func TestTicksAfterClockJumps(t *testing.T) {
	now := at(t, "2026-03-29 00:59 +00")
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 10 * 8766 * time.Hour, -10 * 8766 * time.Hour} {
		e := entry("shop", func(e *daemon.Entry) { e.Schedule, e.TimeZone, e.Splay = "0 3 * * *", "Europe/Paris", 7*time.Minute })
		jumped := now.Add(jump)
		next := daemon.ScanAt(e, jumped)
		if !next.After(jumped) || next.After(jumped.Add(25*time.Hour)) {
			t.Errorf("after a jump of %s to %s the next scan is %s", jump, jumped, next)
		}
		if again := daemon.ScanAt(e, next); again.Sub(next) < 23*time.Hour {
			t.Errorf("the scan of %s comes again at %s", next, again)
		}
	}
}

// Each stack has its own moment within the splay, always the same.
func TestSplay(t *testing.T) {
	now := at(t, "2026-01-01 00:00 +00")
	moments := map[time.Duration]int{}
	for i := range 200 {
		e := entry("s"+strings.Repeat("x", i%20)+string(rune('a'+i/20)), func(e *daemon.Entry) { e.Splay = 5 * time.Minute })
		first := daemon.ScanAt(e, now)
		if !daemon.ScanAt(e, now).Equal(first) || !daemon.ScanAt(e, first).Equal(first.Add(10*time.Minute)) {
			t.Fatalf("%s is scanned at %s, and then at %s", e.Name, first, daemon.ScanAt(e, first))
		}
		moments[first.Sub(now)%(10*time.Minute)]++
	}
	if len(moments) < 80 {
		t.Errorf("200 stacks share %d moments", len(moments))
	}
	for moment := range moments {
		if moment >= 5*time.Minute {
			t.Errorf("a stack is scanned %s after the schedule", moment)
		}
	}
}

func TestClosed(t *testing.T) {
	work := reconcile.Window{Kind: "allow", Schedule: "0 9 * * 1-5", Duration: 8 * time.Hour, TimeZone: "Europe/Paris"}
	night := reconcile.Window{Kind: "deny", Schedule: "0 22 * * *", Duration: 8 * time.Hour, TimeZone: "UTC", Reason: "backups"}
	always := reconcile.Window{Kind: "allow", Schedule: "* * * * *", Duration: 24 * time.Hour}
	tests := []struct {
		name    string
		windows []reconcile.Window
		now     string
		want    string // "": open
	}{
		{"none", nil, "2026-01-05 12:00 +00", ""},
		{"inside", []reconcile.Window{work}, "2026-01-05 09:00 +01", ""},
		{"just before", []reconcile.Window{work}, "2026-01-05 08:59 +01", "outside the window 0 9 * * 1-5 (Europe/Paris); the next one opens at 2026-01-05 09:00 CET"},
		{"just after", []reconcile.Window{work}, "2026-01-05 17:00 +01", "outside the window 0 9 * * 1-5 (Europe/Paris); the next one opens at 2026-01-06 09:00 CET"},
		{"weekend", []reconcile.Window{work}, "2026-01-10 12:00 +01", "outside the window 0 9 * * 1-5 (Europe/Paris); the next one opens at 2026-01-12 09:00 CET"},
		{"denied", []reconcile.Window{night}, "2026-01-06 02:00 +00", "a window keeps changes off until 2026-01-06 06:00 UTC: backups"},
		{"denied is over", []reconcile.Window{night}, "2026-01-06 06:00 +00", ""},
		{"deny wins", []reconcile.Window{always, night}, "2026-01-06 02:00 +00", "a window keeps changes off until 2026-01-06 06:00 UTC: backups"},
		{"always open", []reconcile.Window{always}, "2026-01-06 02:00 +00", ""},
		{"one of two", []reconcile.Window{work, always}, "2026-01-10 12:00 +01", ""},
		{"night of the shift", []reconcile.Window{{Kind: "deny", Schedule: "30 2 * * *", Duration: time.Hour, TimeZone: "Europe/Paris"}}, "2026-03-29 03:45 +02",
			"a window keeps changes off until 2026-03-29 04:30 CEST"},
		{"leap day", []reconcile.Window{{Kind: "deny", Schedule: "0 0 29 2 *", Duration: 24 * time.Hour, TimeZone: "UTC"}}, "2028-02-29 23:59 +00",
			"a window keeps changes off until 2028-03-01 00:00 UTC"},
		{"for keys only", []reconcile.Window{{Kind: "deny", Schedule: "* * * * *", Duration: time.Hour, Keys: []reconcile.Key{"Item/web"}}}, "2026-01-06 02:00 +00", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			closing, closed := daemon.Closed(tt.windows, at(t, tt.now))
			if closed != (tt.want != "") || closed && closing.String() != tt.want {
				t.Errorf("got %q, want %q", closing, tt.want)
			}
		})
	}
}

func TestWindowsGuard(t *testing.T) {
	windows := []reconcile.Window{{Kind: "deny", Schedule: "* * * * *", Duration: time.Hour, Keys: []reconcile.Key{"Item/web"}}}
	guard, err := daemon.Windows(windows, at(t, "2026-01-06 02:00 +00"))
	if err != nil {
		t.Fatal(err)
	}
	for key, held := range map[reconcile.Key]bool{"Item/web": true, "Item/web/Part/a": true, "Item/website": false, "Item/db": false} {
		if hold := guard(&reconcile.Change{Key: key}, nil); (hold != nil) != held {
			t.Errorf("%s: got %+v", key, hold)
		}
	}
	for want, w := range map[string]reconcile.Window{
		`kind "maybe" is none of allow, deny`:   {Kind: "maybe", Schedule: "* * * * *", Duration: time.Hour},
		`duration 0s: wants 1m to 31d`:          {Kind: "deny", Schedule: "* * * * *"},
		`there is no time zone "Mars/Olympus";`: {Kind: "deny", Schedule: "* * * * *", Duration: time.Hour, TimeZone: "Mars/Olympus"},
		`schedule "@daily": use cron's five`:    {Kind: "deny", Schedule: "@daily", Duration: time.Hour},
	} {
		err := daemon.CheckWindow(w)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, err := daemon.Windows([]reconcile.Window{w}, time.Time{}); err == nil {
			t.Errorf("a guard was made of %+v", w)
		}
	}
}

func TestBackOff(t *testing.T) {
	for failures, want := range map[int]time.Duration{1: time.Minute, 2: 2 * time.Minute, 4: 8 * time.Minute, 6: 32 * time.Minute, 7: time.Hour, 1000: time.Hour} {
		if got := daemon.BackOff(failures); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
}
