package netbox

import (
	"fmt"
	"strconv"
	"strings"
)

// Versions since which something is so, as 10000*major + 100*minor + patch.
const (
	v43  = 40300
	v44  = 40400
	v45  = 40500
	v452 = 40502
	v458 = 40508
	v46  = 40600
	v466 = 40606
	v47  = 40700
)

const newest = "4.6.8"

// A version of NetBox.
type version struct {
	text   string
	number int
}

// versionOf reads "4.6.8". What it cannot read is the newest one.
func versionOf(text string) version {
	if text == "" {
		text = newest
	}
	number := 0
	for part := range strings.SplitSeq(text+".0.0", ".") {
		digits, _, _ := strings.Cut(part, "-")
		n, err := strconv.Atoi(digits)
		if err != nil {
			return versionOf(newest)
		}
		if number = number*100 + n; number >= 10000 {
			break
		}
	}
	return version{text, number}
}

func (v version) has(since int) bool { return v.number >= since }

// api is the version as the header API-Version has it.
func (v version) api() string { return fmt.Sprintf("%d.%d", v.number/10000, v.number/100%100) }
