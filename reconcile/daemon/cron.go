package daemon

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// ticks are the moments that a cron line names in a time zone.
type ticks struct {
	spec  *cron.SpecSchedule
	place *time.Location
}

var fiveFields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// parseCron reads a cron line of five fields. A line that never comes true is an error.
func parseCron(line, zone string) (ticks, error) {
	place, err := timeZone(zone)
	if err != nil {
		return ticks{}, err
	}
	if strings.Contains(line, "TZ=") || strings.HasPrefix(strings.TrimSpace(line), "@") {
		return ticks{}, fmt.Errorf("schedule %q: use cron's five fields, such as 0 2 * * *, and timeZone for the time zone", line)
	}
	parsed, err := fiveFields.Parse(line)
	if err != nil {
		return ticks{}, fmt.Errorf("schedule %q: %s; use cron's five fields, such as 0 2 * * *", line, plainly(err.Error()))
	}
	t := ticks{spec: parsed.(*cron.SpecSchedule), place: place}
	t.spec.Location = time.UTC
	if t.spec.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return ticks{}, fmt.Errorf("schedule %q never comes true", line)
	}
	return t, nil
}

// timeZone is a time zone by its name; "" is UTC.
func timeZone(name string) (*time.Location, error) {
	place, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("there is no time zone %q; use a name such as Europe/Paris", name)
	}
	return place, nil
}

// plainly is a parser's error on one line.
func plainly(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "failed to parse "), "\n", " ")
}

const everyHour = 1<<24 - 1

// next is the first moment after a time. What runs at certain hours comes once
// for each time that the line names, also on the days on which clocks change: a
// moment that is left out comes an hour later, one that comes twice counts once.
// What runs at all hours follows the time that passes.
func (t ticks) next(after time.Time) time.Time {
	if t.spec.Hour&everyHour == everyHour {
		local := *t.spec
		local.Location = t.place
		return local.Next(after)
	}
	wall := onWall(after.In(t.place)).Add(-3 * time.Hour) // no change of clocks is longer
	for {
		if wall = t.spec.Next(wall); wall.IsZero() {
			return time.Time{}
		}
		if at := offWall(wall, t.place); at.After(after) {
			return at
		}
	}
}

// onWall is what a clock on the wall shows, as if it were UTC: a time in which no
// hour is left out or comes twice.
func onWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// offWall is when a clock on the wall shows a time: the first moment if there are
// two, and if there is none, as long after the leap as the time is into it.
func offWall(wall time.Time, place *time.Location) time.Time {
	_, before := wall.Add(-15 * time.Hour).In(place).Zone()
	_, after := wall.Add(15 * time.Hour).In(place).Zone()
	first := wall.Add(-time.Duration(before) * time.Second).In(place)
	second := wall.Add(-time.Duration(after) * time.Second).In(place)
	if !onWall(first).Equal(wall) && onWall(second).Equal(wall) {
		return second
	}
	return first
}
