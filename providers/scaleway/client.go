package scaleway

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/reconcile"
)

// PageSize is what listings ask for, the most that the API is known to grant.
const PageSize = 100

// Limits of one credential, below the 100 requests a second that Scaleway's
// support names. The burst lets a whole listing through at once.
const (
	defaultRate  = 50
	defaultBurst = 100
)

// Options say how to reach the API. The zero value reads this process's
// environment and home folder.
type Options struct {
	Getenv    func(string) string
	Home      string
	UserAgent string
	Clock     reconcile.Clock   // of the waits between tries and for the rate limit; nil is the real one
	Rate      float64           // requests a second; 0 is 50
	Burst     int               // requests at once; 0 is 100
	Secrets   SecretCache       // nil: hashes are verified each time
	Transport http.RoundTripper // below everything here; nil is a fresh one over TCP
	// Credentials is where the API key comes from; nil: from where the rest of the
	// configuration does.
	Credentials CredentialSource
}

// Client is one credential's access to the API. It may be used concurrently,
// and by several stacks: the rate limit belongs to the credential.
type Client struct {
	SDK          *scw.Client
	Project      string // the default of the configuration; "" if it has none
	Organization string
	Region       string
	Zone         string
	AccessKey    string // when the client was made
	URL          string
	Clock        reconcile.Clock
	secrets      *verifier
	layers       *layers
	end          keyEnd
}

// New reads the configuration and makes a client. It sends nothing.
func New(ctx context.Context, o Options) (*Client, error) {
	o = o.filled()
	s, err := read(o)
	if err != nil {
		return nil, err
	}
	key, err := o.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	transport, layers := chain(o, &keyring{source: o.Credentials, clock: o.Clock, key: key, asked: o.Clock.Now()})
	door := &door{RoundTripper: transport}
	sdk, err := scw.NewClient(s.options(o, key, door)...)
	if err != nil {
		return nil, invalid("the configuration of Scaleway's SDK: %s", reconcile.Hide(err.Error(), key.SecretKey.Reveal()))
	}
	if err := door.metadata(sdk); err != nil {
		return nil, err
	}
	return &Client{
		SDK: sdk, Project: s.project, Organization: s.organization, Region: s.region, Zone: s.zone,
		AccessKey: key.AccessKey, URL: s.apiURL, Clock: o.Clock, secrets: newVerifier(o.Secrets), layers: layers,
	}, ctx.Err()
}

func (o Options) filled() Options {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Home == "" {
		o.Home, _ = os.UserHomeDir()
	}
	if o.Clock == nil {
		o.Clock = reconcile.RealClock{}
	}
	if o.Rate <= 0 {
		o.Rate = defaultRate
	}
	if o.Burst <= 0 {
		o.Burst = defaultBurst
	}
	if o.Transport == nil {
		o.Transport = overTCP()
	}
	if o.Credentials == nil {
		o.Credentials = configured(o)
	}
	o.Credentials = o.Credentials.checked()
	return o
}

// ProjectOr returns the declared project, or the configuration's default.
func (c *Client) ProjectOr(declared string) (string, error) {
	switch {
	case declared != "":
		return declared, nil
	case c.Project != "":
		return c.Project, nil
	}
	return "", missing("SCW_DEFAULT_PROJECT_ID", "the project")
}

// Again says when it is worth looking at something that usually takes so long
// and began at since. What is late is looked at ever more seldom.
func (c *Client) Again(since *time.Time, usual time.Duration) time.Duration {
	if since == nil {
		return usual
	}
	passed := c.Clock.Now().Sub(*since)
	if left := usual - passed; left > 0 {
		return min(max(left, time.Second), usual)
	}
	return min(max(passed/4, 2*time.Second), 30*time.Second)
}

func invalid(format string, args ...any) *reconcile.Error {
	return &reconcile.Error{Class: reconcile.Invalid, Message: fmt.Sprintf(format, args...)}
}
