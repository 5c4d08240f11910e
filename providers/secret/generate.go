package secret

import (
	"crypto/rand"
	"math/big"
	"strings"
)

const (
	capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	smalls   = "abcdefghijklmnopqrstuvwxyz"
	digits   = "0123456789"
)

// classes are the sorts of characters to choose from.
func (g *Generate) classes() []string {
	all := []string{capitals, smalls, digits}
	if g.Special != "" {
		all = append(all, g.Special)
	}
	return all
}

// makeUp makes up a value from the system's source of randomness. It begins with
// a letter or a digit, so that no program takes it for an option.
func (g *Generate) makeUp() string {
	for {
		value := g.draw()
		if !strings.Contains(g.Special, value[:1]) {
			return value
		}
	}
}

func (g *Generate) draw() string {
	var out []byte
	for _, class := range g.classes() {
		for range g.AtLeast {
			out = append(out, pick(class))
		}
	}
	all := strings.Join(g.classes(), "")
	for len(out) < g.Length {
		out = append(out, pick(all))
	}
	for i := len(out) - 1; i > 0; i-- {
		j := below(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}

func pick(from string) byte { return from[below(len(from))] }

// below is a random number from 0 to n-1, all equally likely.
func below(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err) // the system's source never fails, as its documentation says
	}
	return int(i.Int64())
}
