package secret

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	sdk "github.com/scaleway/scaleway-sdk-go/api/secret/v1beta1"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// The words in the description of a version that we made: a verifier of its
// value, and how the value was made up if it was.
const (
	verifierWord  = "reconcile:verifier="
	generatedWord = "reconcile:generated="
)

// describe is the description of a version with a value.
func describe(verifier string, how *Generate) string {
	words := verifierWord + verifier
	if how != nil {
		words += " " + generatedWord + how.encode()
	}
	return words
}

// value is what is known of a version's value: a verifier, how it was made up, or
// only that it is not ours.
func (p secrets) value(v *sdk.SecretVersion) (value reconcile.Secret, how *Generate, ours bool) {
	verifier, generated := "", ""
	for _, word := range strings.Fields(text(v.Description)) {
		if rest, ok := strings.CutPrefix(word, verifierWord); ok {
			verifier = rest
		} else if rest, ok := strings.CutPrefix(word, generatedWord); ok {
			generated = rest
		}
	}
	switch {
	case verifier == "":
	case generated == "":
		return p.client.HashedSecret(verifier), nil, true
	default:
		if how, ours = decodeGenerate(generated); ours {
			return how.secret(), how, true
		}
	}
	return strange(fmt.Sprintf("revision %d", v.Revision)), nil, false
}

// strange is a value of which nothing is known: it is like no other.
func strange(which string) reconcile.Secret {
	return reconcile.VerifiableSecret("set by somebody: "+which, func(string) bool { return false })
}

// secret stands for a value that is made up so. No value of a manifest is it.
func (g *Generate) secret() reconcile.Secret {
	return reconcile.VerifiableSecret(generatedWord+g.encode(), func(string) bool { return false })
}

// encode is one word of printable characters.
func (g *Generate) encode() string {
	return url.Values{
		"length": {strconv.Itoa(g.Length)}, "atLeast": {strconv.Itoa(g.AtLeast)},
		"special": {g.Special}, "rotation": {g.Rotation},
	}.Encode()
}

func decodeGenerate(word string) (g *Generate, ok bool) {
	values, err := url.ParseQuery(word)
	length, badLength := strconv.Atoi(values.Get("length"))
	atLeast, badLeast := strconv.Atoi(values.Get("atLeast"))
	if err != nil || badLength != nil || badLeast != nil {
		return nil, false
	}
	return &Generate{Length: length, AtLeast: atLeast, Special: values.Get("special"), Rotation: values.Get("rotation")}, true
}

// next is the value of a new version, its verifier, and the version's description.
func next(s Secret) (value reconcile.Secret, verifier, description string) {
	value = s.Value
	if s.Generate != nil {
		value = reconcile.NewSecret(s.Generate.makeUp())
	}
	verifier = scaleway.Verifier(value)
	return value, verifier, describe(verifier, s.Generate)
}
