package secrets

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getsops/sops/v3/keyservice"
)

// Holders are those who may be asked for the keys of encrypted files, each as
// SORT=PLACE. An encrypted file names them itself, with an address that whoever
// writes to the repository chooses, and they are asked with a credential of
// ours; so none is asked that is not named here. age and PGP keys are at hand,
// send nothing, and need no word.
//
//	hc_vault=https://vault.example.com:8200[/v1/ENGINE/keys[/KEY]]
//	azure_kv=https://NAME.vault.azure.net[/keys[/KEY]]
//	kms=arn:aws:kms:REGION:ACCOUNT:key/ID
//	gcp_kms=projects/P/locations/L/keyRings/R/cryptoKeys/K
//	hckms=REGION:ID
//
// The last three may end with * for any end.
type Holders []string

var holderSorts = []string{"azure_kv", "gcp_kms", "hc_vault", "hckms", "kms"}

// Err tells what is wrong with the list.
func (h Holders) Err() error {
	for _, one := range h {
		sort, place, ok := strings.Cut(one, "=")
		switch {
		case !ok || place == "" || !slices.Contains(holderSorts, sort):
			return fmt.Errorf("key service %q: wants SORT=PLACE, of the sorts %s", one, strings.Join(holderSorts, ", "))
		case sort == "hc_vault" || sort == "azure_kv":
			if u, err := url.Parse(place); err != nil || !bare(u) || strings.Contains(place, "*") {
				return fmt.Errorf("key service %q: wants an address such as %s=https://vault.example.com:8200", one, sort)
			}
		case strings.Contains(strings.TrimSuffix(place, "*"), "*"):
			return fmt.Errorf("key service %q: * may only stand at the end", one)
		case sort == "kms" && strings.Count(place, ":") < 5:
			return fmt.Errorf("key service %q: wants region and account, as kms=arn:aws:kms:eu-west-1:123456789012:*", one)
		case sort != "kms" && strings.HasPrefix(place, "*"):
			return fmt.Errorf("key service %q: wants to begin with a place", one)
		}
	}
	return nil
}

// bare tells whether an address names a server, and nothing that hides another.
func bare(u *url.URL) bool {
	return (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" && u.Opaque == ""
}

// allows tells whether a holder may be asked.
func (h Holders) allows(k holder) bool {
	return k.plain && slices.ContainsFunc(h, func(one string) bool {
		sort, place, _ := strings.Cut(one, "=")
		switch {
		case sort != k.sort:
			return false
		case sort == "hc_vault" || sort == "azure_kv":
			return below(place, k.place)
		}
		begin, open := strings.CutSuffix(place, "*")
		end, ok := strings.CutPrefix(k.place, begin)
		return ok && (end == "" || open && !strings.ContainsAny(end, "+|")) // a role or profile is never just any
	})
}

// below tells whether an address is on the same server as a place, and under its path.
func below(place, address string) bool {
	at, err := url.Parse(place)
	if err != nil {
		return false
	}
	u, err := url.Parse(address)
	if err != nil || !bare(u) || u.Scheme != at.Scheme || !strings.EqualFold(u.Host, at.Host) {
		return false
	}
	top := strings.TrimSuffix(at.EscapedPath(), "/")
	rest, ok := strings.CutPrefix(u.EscapedPath(), top)
	return ok && (rest == "" || rest[0] == '/')
}

// holder is who has a key of a file, as the file names him.
type holder struct {
	sort  string
	place string // as people read it
	plain bool   // what the file says of him is of the usual form
	local bool   // age or PGP: nothing is sent
}

func (k holder) String() string { return k.sort + " " + k.place }

var (
	ageForm      = regexp.MustCompile(`^(age1[0-9a-z-]+|ssh-(ed25519|rsa) [A-Za-z0-9+/=]+( [-A-Za-z0-9._@]+)?)$`)
	pgpForm      = regexp.MustCompile(`^[0-9A-Fa-f]{8,64}$`)
	pathForm     = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)
	resourceForm = regexp.MustCompile(`^[A-Za-z0-9:/_.+=,@|-]+$`)
)

// holderOf reads a key of a file. What goes into addresses has to be plain: a name
// such as ../../secret/x would lead to anything that the credential may write.
func holderOf(key *keyservice.Key) holder {
	switch k := key.GetKeyType().(type) {
	case *keyservice.Key_AgeKey:
		return holder{"age", k.AgeKey.Recipient, ageForm.MatchString(k.AgeKey.Recipient), true}
	case *keyservice.Key_PgpKey:
		return holder{"pgp", k.PgpKey.Fingerprint, pgpForm.MatchString(k.PgpKey.Fingerprint), true}
	case *keyservice.Key_VaultKey:
		v := k.VaultKey
		return holder{"hc_vault", strings.TrimSuffix(v.VaultAddress, "/") + "/v1/" + v.EnginePath + "/keys/" + v.KeyName,
			server(v.VaultAddress) && pathForm.MatchString(v.EnginePath) && pathForm.MatchString(v.KeyName), false}
	case *keyservice.Key_AzureKeyvaultKey:
		v := k.AzureKeyvaultKey
		return holder{"azure_kv", strings.TrimSuffix(v.VaultUrl, "/") + "/keys/" + v.Name + "/" + v.Version,
			server(v.VaultUrl) && pathForm.MatchString(v.Name) && (v.Version == "" || pathForm.MatchString(v.Version)), false}
	case *keyservice.Key_KmsKey:
		place := k.KmsKey.Arn
		if k.KmsKey.Role != "" {
			place += "+" + k.KmsKey.Role
		}
		if k.KmsKey.AwsProfile != "" {
			place += "|" + k.KmsKey.AwsProfile
		}
		return holder{"kms", place, resourceForm.MatchString(place), false}
	case *keyservice.Key_GcpKmsKey:
		return holder{"gcp_kms", k.GcpKmsKey.ResourceId, resourceForm.MatchString(k.GcpKmsKey.ResourceId), false}
	case *keyservice.Key_HckmsKey:
		return holder{"hckms", k.HckmsKey.KeyId, resourceForm.MatchString(k.HckmsKey.KeyId), false}
	}
	return holder{sort: "unknown"}
}

// server tells whether an address is that of a server, without a path.
func server(address string) bool {
	u, err := url.Parse(address)
	return err == nil && bare(u) && strings.Trim(u.Path, "/") == ""
}

var (
	errUnknownHolder = errors.New("is not among the key services that may be asked")
	errOddHolder     = errors.New("is not of the usual form, and not asked")
)

// counter is where SOPS asks for keys: it turns away what may not be asked, and
// notes what came of the rest.
type counter struct {
	keyservice.Server
	holders Holders
	tried   []trial
}

// trial is what came of asking a holder.
type trial struct {
	holder
	err error
}

func (c *counter) admit(key *keyservice.Key) error {
	switch k := holderOf(key); {
	case !k.plain:
		return errOddHolder
	case !k.local && !c.holders.allows(k):
		return errUnknownHolder
	}
	return nil
}

// Decrypt has a key of a file decrypted.
func (c *counter) Decrypt(ctx context.Context, r *keyservice.DecryptRequest) (out *keyservice.DecryptResponse, err error) {
	if err = c.admit(r.Key); err == nil && r.Key.GetPgpKey() != nil && !forKey(r.Ciphertext) {
		err = errOddHolder
	}
	if err == nil {
		out, err = c.Server.Decrypt(ctx, r)
	}
	c.tried = append(c.tried, trial{holderOf(r.Key), err})
	return out, err
}

// forKey tells whether an armored PGP message begins with a session key for a
// public key. gpg also unpacks what is only compressed, which a few bytes can make
// huge, and asks people for passphrases.
func forKey(message []byte) bool {
	text := strings.ReplaceAll(string(message), "\r", "")
	_, body, ok := strings.Cut(text, "-----BEGIN PGP MESSAGE-----")
	_, body, blank := strings.Cut(body, "\n\n")
	line, _, _ := strings.Cut(strings.TrimLeft(body, "\n"), "\n")
	packet, err := base64.StdEncoding.DecodeString(line[:min(len(line), 4)])
	if !ok || !blank || err != nil || len(packet) == 0 {
		return false
	}
	return packet[0] == 0xc1 || packet[0]>>2 == 0x84>>2 // the tag of such a key, in either form
}

// Encrypt has the key of a new file encrypted.
func (c *counter) Encrypt(ctx context.Context, r *keyservice.EncryptRequest) (out *keyservice.EncryptResponse, err error) {
	if err = c.admit(r.Key); err == nil {
		out, err = c.Server.Encrypt(ctx, r)
	}
	c.tried = append(c.tried, trial{holderOf(r.Key), err})
	return out, err
}
