package journal

import (
	"strings"
	"testing"
	"time"

	"gitlab.com/reconciled/reconciled/reconcile"
)

var yes, no = true, false

func state(key reconcile.Key, fun string, num int, r reconcile.Return) State {
	r.StartedAt = time.Date(2026, 11, 21, 6, 43, 1, 123456000, time.FixedZone("CET", 3600))
	return State{JID: "20261121054301123456", Key: key, Fun: fun, RunNum: num, Return: r}
}

// golden is a text of which each line ends with |, so that blanks at its end show.
func golden(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "\n"), "|\n", "\n")
}

func checkHighstate(t *testing.T, states []State, want string) {
	t.Helper()
	var out strings.Builder
	if err := Highstate(&out, "shop-prod", states); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != golden(want) {
		t.Errorf("got\n%s\nwant\n%s", strings.ReplaceAll(got, "\n", "|\n"), want)
	}
}

func TestHighstate(t *testing.T) {
	checkHighstate(t, []State{
		state("Container/order-api", "container.present", 0, reconcile.Return{
			Name: "Container/order-api", Result: &yes, Comment: "Updated", Duration: 812334, SLS: "containers/order-api.yaml:14",
			Changes: map[string]reconcile.OldNew{
				"memoryLimitMb": {Old: "256", New: "512"},
				"command":       {New: "sh\n-c\necho \x1b[31mred\n"},
			}}),
		state("Container/report/Trigger/nightly", "trigger.present", 1, reconcile.Return{
			Name: "nightly", Result: &no, Duration: 7000, Class: reconcile.Quota,
			Comment: "\nScaleway refused the creation:\r\ntoo many triggers\n\n"}),
		state("Container/old-api", "container.absent", 2, reconcile.Return{
			Result: nil, Comment: "Would be deleted", Duration: 500, Warnings: []string{
				"the image is a tag, not a digest, so that what runs may differ from what was planned",
				"deprecated"},
		}),
	}, `
shop-prod:|
----------|
          ID: order-api|
    Function: container.present|
      Result: True|
     Comment: Updated|
     Started: 05:43:01.123456|
    Duration: 812.334 ms|
     Changes:   |
              ----------|
              command:|
                  ----------|
                  new:|
                      sh|
                      -c|
                      echo \u001b[31mred|
                  old:|
              memoryLimitMb:|
                  ----------|
                  new:|
                      512|
                  old:|
                      256|
----------|
          ID: report/Trigger/nightly|
    Function: trigger.present|
        Name: nightly|
      Result: False|
     Comment: Scaleway refused the creation:|
              too many triggers|
     Started: 05:43:01.123456|
    Duration: 7.0 ms|
     Changes:   |
----------|
          ID: old-api|
    Function: container.absent|
      Result: None|
     Comment: Would be deleted|
     Started: 05:43:01.123456|
    Duration: 0.5 ms|
     Changes:   |
    Warnings: the image is a tag, not a digest, so that what runs may differ|
              from what was planned deprecated|
|
Summary for shop-prod|
------------|
Succeeded: 2 (unchanged=1, changed=1)|
Failed:    1|
Warnings:  1|
------------|
Total states run:     3|
Total run time: 819.834 ms|
`)
}

func TestHighstateWidths(t *testing.T) {
	many := func(n int, result *bool) []State {
		var states []State
		for i := range n {
			states = append(states, state("Container/a", "container.present", i, reconcile.Return{Result: result, Duration: 102_833}))
		}
		return states
	}
	for name, test := range map[string]struct {
		states []State
		want   string
	}{
		"nothing": {nil, `
Summary for shop-prod|
------------|
Succeeded: 0|
Failed:    0|
------------|
Total states run:     0|
Total run time:   0.000 ms|
`},
		"one digit": {many(3, &yes), `
Summary for shop-prod|
------------|
Succeeded: 3|
Failed:    0|
------------|
Total states run:     3|
Total run time: 308.499 ms|
`},
		"two digits": {append(many(12, &yes), many(1, &no)...), `
Summary for shop-prod|
-------------|
Succeeded: 12|
Failed:     1|
-------------|
Total states run:     13|
Total run time:    1.337 s|
`},
		"three digits": {many(129, &yes), `
Summary for shop-prod|
--------------|
Succeeded: 129|
Failed:      0|
--------------|
Total states run:     129|
Total run time:    13.265 s|
`},
		"two digits by addition": {append(many(6, &yes), many(6, nil)...), `
Summary for shop-prod|
------------|
Succeeded: 12 (unchanged=6)|
Failed:    0|
------------|
Total states run:    12|
Total run time:   1.234 s|
`},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := Highstate(&out, "shop-prod", test.states); err != nil {
				t.Fatal(err)
			}
			_, got, _ := strings.Cut(out.String(), "\n\n")
			if got != golden(test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.ReplaceAll(got, "\n", "|\n"), test.want)
			}
		})
	}
}

// TestS28_Plain keeps what comes from outside from driving a terminal.
func TestS28_Plain(t *testing.T) {
	evil := "a\x1b]8;;x\x07b\rc\u202ed\u0085\u2028"
	var out strings.Builder
	s := state("Container/"+reconcile.Key(evil), evil+"."+evil, 0, reconcile.Return{
		Name: evil, Comment: evil + "\n" + evil, Warnings: []string{evil},
		Changes: map[string]reconcile.OldNew{evil: {Old: evil, New: evil}},
	})
	if err := Highstate(&out, evil, []State{s}); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(strings.ReplaceAll(out.String(), "\n", ""), harmful); i >= 0 {
		t.Errorf("%q", out.String())
	}
}

func TestHighstateWriter(t *testing.T) {
	if err := Highstate(full{}, "x", nil); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Error(err)
	}
}

func TestWrapLongWord(t *testing.T) {
	word := strings.Repeat("x", 70)
	if got := wrap([]string{"a " + word + " b"}); got != "a\n"+indent+word+"\n"+indent+"b" {
		t.Errorf("%q", got)
	}
}
