package secrets

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	filippo "filippo.io/age"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/logging"
	"github.com/getsops/sops/v3/stores/dotenv"
	"github.com/getsops/sops/v3/stores/ini"
	sopsjson "github.com/getsops/sops/v3/stores/json"
	"github.com/getsops/sops/v3/stores/yaml"
)

// mostKeys are those that one file may have: each is tried in turn.
const mostKeys = 64

// Cabinet opens and fills files that SOPS encrypts. The keys come from where SOPS
// takes them in the environment of this process.
type Cabinet struct {
	Holders Holders
	Fits    func(name string, data []byte) error // refuses YAML as Sources.Fits does
}

// storeOf is how a file is laid out, which its name decides as SOPS does it.
func storeOf(name string, c *config.StoresConfig) sops.Store {
	switch formats.FormatForPath(name) {
	case formats.Yaml:
		return yaml.NewStore(&c.YAML)
	case formats.Json:
		return sopsjson.NewStore(&c.JSON)
	case formats.Dotenv:
		return dotenv.NewStore(&c.Dotenv)
	case formats.Ini:
		return ini.NewStore(&c.INI)
	}
	return sopsjson.NewBinaryStore(&c.JSONBinary)
}

// quiet keeps SOPS from logging, which may repeat what stands in a file in clear.
var quiet = sync.OnceFunc(func() {
	for _, log := range logging.Loggers {
		log.SetOutput(io.Discard)
	}
})

// sheet is a file as it lies there, still encrypted or not.
type sheet struct {
	name   string
	store  sops.Store
	tree   sops.Tree
	cipher aes.Cipher
	key    []byte // once it is open
}

// load reads a file without opening it.
func (c Cabinet) load(name string, data []byte) (s *sheet, err error) {
	quiet()
	defer survive(name, &err)
	format := formats.FormatForPath(name)
	switch {
	case format == formats.Yaml && c.Fits == nil:
		return nil, fmt.Errorf("%s: encrypted YAML is not read here", name)
	case format == formats.Yaml:
		if err := c.Fits(name, data); err != nil {
			return nil, err
		}
	case (format == formats.Json || format == formats.Binary) && !json.Valid(data):
		return nil, fmt.Errorf("%s is no file that SOPS encrypted: it is no JSON; a file with another ending than .yaml, .json, .env or .ini is taken for encrypted as a whole", name)
	}
	s = &sheet{name: name, store: storeOf(name, config.NewStoresConfig()), cipher: aes.NewCipher()}
	s.tree, err = s.store.LoadEncryptedFile(data)
	switch {
	case errors.Is(err, sops.MetadataNotFound):
		return nil, fmt.Errorf("%s is not encrypted: SOPS has not written to it; encrypt it with sops, or with reconcile config set --sops", name)
	case err != nil: // what SOPS says may repeat what stands in the file
		return nil, fmt.Errorf("%s cannot be read: it is not as SOPS writes it", name)
	case s.tree.Metadata.MasterKeyCount() == 0 || s.tree.Metadata.MasterKeyCount() > mostKeys:
		return nil, fmt.Errorf("%s is encrypted with %d keys; 1 to %d are read", name, s.tree.Metadata.MasterKeyCount(), mostKeys)
	}
	return s, nil
}

// survive makes a panic of the library an error about the file.
func survive(name string, err *error) {
	if recover() != nil {
		*err = fmt.Errorf("%s cannot be read: it is not as SOPS writes it", name)
	}
}

// unlock decrypts a file and holds it against its MAC.
func (c Cabinet) unlock(s *sheet) (err error) {
	defer survive(s.name, &err)
	asked := &counter{holders: c.Holders}
	s.key, err = s.tree.Metadata.GetDataKeyWithKeyServices([]keyservice.KeyServiceClient{keyservice.NewCustomLocalClient(asked)}, sops.DefaultDecryptionOrder)
	if err != nil {
		return asked.refusal(s.name)
	}
	changed := fmt.Errorf("%s was changed after it was encrypted, or its key is not the one that its values are encrypted with; what is in it is not used: take the file back from Git, and edit it with sops or reconcile config set --sops", s.name)
	mac, err := s.tree.Decrypt(s.key, s.cipher)
	if err != nil {
		return changed
	}
	written, err := s.cipher.Decrypt(s.tree.Metadata.MessageAuthenticationCode, s.key, s.tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil || written != mac {
		return changed
	}
	return nil
}

// open reads a whole file.
func (c Cabinet) open(name string, data []byte) (*document, error) {
	s, err := c.load(name, data)
	if err == nil {
		err = c.unlock(s)
	}
	if err != nil {
		return nil, err
	}
	doc := &document{branches: s.tree.Branches}
	if formats.FormatForPath(name) == formats.Binary {
		whole, err := doc.at("data")
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: it is not as SOPS writes it", name)
		}
		whole = withoutEnd(whole)
		doc = &document{whole: &whole}
	}
	return doc, nil
}

// refusal says for whom a file is encrypted, and why none of these keys opened it.
// What the key services themselves say is left out: it may repeat credentials.
func (c *counter) refusal(name string) error {
	var local, others []string
	keys := "age keys come from SOPS_AGE_KEY or SOPS_AGE_KEY_FILE"
	for _, t := range c.tried {
		switch {
		case errors.Is(t.err, errOddHolder):
			others = append(others, "its "+t.sort+" key "+t.err.Error())
		case errors.Is(t.err, errUnknownHolder):
			others = append(others, fmt.Sprintf("%s %s, as whoever writes to the repository could have a credential sent there; if it is yours, add %q to RECONCILE_KEY_SERVICES, or for a daemon to the stack's bounds.keyServices", t.holder, t.err, t.sort+"="+t.place))
		case t.local:
			local = append(local, t.String())
		default:
			others = append(others, t.String()+" was asked, and did not open it")
		}
		if t.sort == "pgp" {
			keys = strings.TrimSuffix(keys, ", PGP keys from gpg") + ", PGP keys from gpg"
		}
	}
	text := name + " cannot be opened: "
	if len(local) > 0 {
		text += fmt.Sprintf("it is encrypted for %s, and %s (%s)", strings.Join(local, ", "), c.atHand(), keys)
		if len(others) > 0 {
			text += "; "
		}
	}
	slices.Sort(others)
	return errors.New(text + strings.Join(slices.Compact(others), "; "))
}

// atHand says whether there is any key at all.
func (c *counter) atHand() string {
	for _, t := range c.tried {
		var none *filippo.NoIdentityMatchError
		if t.sort == "pgp" || errors.As(t.err, &none) {
			return "no key at hand is one of these"
		}
	}
	return "no age key is at hand, or it cannot be read"
}
