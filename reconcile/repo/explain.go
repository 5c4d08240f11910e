package repo

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// explain makes an error fit to be shown: what was attempted, where, why, and
// what to do, without any credential.
func (r *remoteHistory) explain(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	out := &FetchError{Doing: doing, URL: r.ep.String(), class: ErrUnavailable}
	var f *fault
	var u *url.Error
	switch {
	case errors.As(err, &f):
		out.Reason, out.Fix, out.class = f.reason, f.fix, f.class
	case ctx.Err() != nil:
		out.Reason = fmt.Sprintf("no end after %s", r.opts.Timeout)
		if errors.Is(ctx.Err(), context.Canceled) {
			out.Reason = "it was cancelled"
		}
		out.class = errors.Join(ErrUnavailable, ctx.Err())
	case errors.As(err, &u):
		out.Reason = u.Err.Error()
	case errors.Is(err, io.ErrUnexpectedEOF):
		out.Reason, out.Fix = "the server hung up", "try again later"
	default:
		out.Reason, out.class = err.Error(), classOf(err)
	}
	out.Reason, out.Fix = clip(printable(r.scrub(out.Reason))), r.scrub(out.Fix)
	return out
}

func classOf(err error) error {
	for _, class := range []error{ErrDamaged, ErrMissing, ErrLimit} {
		if errors.Is(err, class) {
			return class
		}
	}
	return ErrUnavailable
}

// scrub takes credentials out of a text that others may have written.
func (r *remoteHistory) scrub(text string) string {
	text = maskText(text)
	l, err := r.opts.Auth.login(r.ep.host)
	if token := l.token.Reveal(); err == nil && token != "" {
		basic := base64.StdEncoding.EncodeToString([]byte(l.user + ":" + token))
		for _, secret := range []string{token, url.QueryEscape(token), basic} {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}
