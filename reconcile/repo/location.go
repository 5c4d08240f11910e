package repo

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// An endpoint is one repository on a Git server. It holds no secret, so it may
// be printed.
type endpoint struct {
	scheme string // https, ssh, or http to this machine
	user   string // ssh only
	host   string // lower case, without brackets
	port   string // "" for the scheme's own
	path   string // decoded; relative to the user's home if it has no leading slash
}

// maxLocation bounds a location's length, in bytes.
const maxLocation = 2048

var (
	schemeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	externForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*::`)
	scpForm    = regexp.MustCompile(`^([^@/:]*)@([^/:\[\]]+|\[[^\]/]*\]):(.*)$`)
	hostForm   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?$`)
	userForm   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	secretForm = regexp.MustCompile(`[^/@]*:[^/@]*@`)
	urlInText  = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]+`)
)

// parseLocation tells a server's address from a path on disk. A location is
// data: whatever could be read as an option, a helper or a command is refused.
func parseLocation(location string) (ep endpoint, remote bool, err error) {
	if reason := locationFlaw(location); reason != "" {
		return endpoint{}, false, fmt.Errorf("location %s: %s", quote(MaskURL(location)), reason)
	}
	switch {
	case schemeForm.MatchString(location):
		ep, err = parseURL(location)
	case externForm.MatchString(location):
		err = errors.New("transport helpers are not supported; use https:// or ssh://")
	case scpForm.MatchString(location):
		ep, err = parseSCP(location)
	case secretForm.MatchString(location):
		err = errors.New("it holds a password; put credentials into RECONCILE_GIT_TOKEN, or use an ssh key or agent")
	default:
		return endpoint{}, false, nil
	}
	if err != nil {
		return endpoint{}, false, fmt.Errorf("location %s: %w", quote(MaskURL(location)), err)
	}
	return ep, true, nil
}

func locationFlaw(location string) string {
	switch {
	case location == "":
		return "it is empty"
	case len(location) > maxLocation:
		return "it is too long"
	case strings.HasPrefix(location, "-"):
		return "it begins with -; write ./ before a folder of that name"
	case strings.ContainsFunc(location, isControl):
		return "it holds control characters"
	}
	return ""
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }

func parseURL(location string) (endpoint, error) {
	u, err := url.Parse(location)
	if err != nil {
		return endpoint{}, errors.New("it is not a well-formed URL")
	}
	ep := endpoint{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port(), path: u.Path}
	switch {
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return endpoint{}, errors.New("it has a query or fragment; put credentials into RECONCILE_GIT_TOKEN, never into the URL")
	case ep.scheme == "ssh":
		ep.user, err = sshUser(u.User)
	case u.User != nil:
		err = errors.New("it holds a user or password; put credentials into RECONCILE_GIT_TOKEN, never into the URL")
	case ep.scheme == "http" && !loopbackName(ep.host):
		err = errors.New("plain http is allowed to this machine only; use https://")
	case ep.scheme != "https" && ep.scheme != "http":
		err = fmt.Errorf("%s:// is not supported; use https://, ssh:// or a path", ep.scheme)
	}
	if err != nil {
		return endpoint{}, err
	}
	return checkEndpoint(ep)
}

func sshUser(user *url.Userinfo) (string, error) {
	if user == nil {
		return "git", nil
	}
	if _, has := user.Password(); has {
		return "", errors.New("it holds a password; use an ssh key or agent")
	}
	return user.Username(), nil
}

func parseSCP(location string) (endpoint, error) {
	m := scpForm.FindStringSubmatch(location)
	host := strings.ToLower(strings.Trim(m[2], "[]"))
	return checkEndpoint(endpoint{scheme: "ssh", user: m[1], host: host, path: m[3]})
}

// checkEndpoint refuses what a shell, an option parser or a path at the other
// end could read as something else.
func checkEndpoint(ep endpoint) (endpoint, error) {
	ep.path = strings.TrimRight(ep.path, "/")
	switch {
	case net.ParseIP(ep.host) == nil && !hostForm.MatchString(ep.host):
		return endpoint{}, fmt.Errorf("%s is not a host name", quote(ep.host))
	case ep.scheme == "ssh" && !userForm.MatchString(ep.user):
		return endpoint{}, fmt.Errorf("%s is not a user name", quote(ep.user))
	case ep.port != "" && !validPort(ep.port):
		return endpoint{}, fmt.Errorf("%s is not a port", quote(ep.port))
	}
	return ep, checkServerPath(ep.path)
}

func checkServerPath(path string) error {
	switch {
	case path == "":
		return errors.New("it names no repository")
	case strings.HasPrefix(path, "-") || strings.HasPrefix(path, "/-"):
		return errors.New("its path begins with -")
	case strings.ContainsFunc(path, isControl) || strings.ContainsAny(path, "'\"!`$\\;&|<>*?()[]{}\n "):
		return errors.New("its path has characters that a shell would read")
	}
	for _, part := range strings.Split(path, "/") {
		if part == ".." {
			return errors.New("its path climbs out of a folder")
		}
	}
	return nil
}

func validPort(port string) bool {
	n, err := strconv.Atoi(port)
	return err == nil && n > 0 && n < 65536
}

func loopbackName(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// String is the address in its usual form.
func (ep endpoint) String() string {
	if ep.scheme == "ssh" && !strings.HasPrefix(ep.path, "/") {
		return ep.user + "@" + bracketed(ep.host) + ":" + ep.path
	}
	u := url.URL{Scheme: ep.scheme, Host: ep.hostPort(), Path: ep.path}
	if ep.user != "" {
		u.User = url.User(ep.user)
	}
	return u.String()
}

func (ep endpoint) hostPort() string {
	if ep.port == "" {
		return bracketed(ep.host)
	}
	return net.JoinHostPort(ep.host, ep.port)
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// MaskURL is a URL or path as it may be printed: what stands before the host
// and in the query is masked, because people put tokens there. An ssh user
// without a password stays, since it is part of the address.
func MaskURL(location string) string {
	scheme, rest, ok := strings.Cut(location, "://")
	if !ok {
		before, _, query := strings.Cut(location, "?")
		if query {
			before += "?***"
		}
		return secretForm.ReplaceAllString(before, "***@")
	}
	for _, mark := range []string{"?", "#"} {
		if before, _, found := strings.Cut(rest, mark); found {
			rest = before + mark + "***"
		}
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	if at < 0 || strings.EqualFold(scheme, "ssh") && userForm.MatchString(rest[:at]) {
		return scheme + "://" + rest
	}
	return scheme + "://***" + rest[at:]
}

// maskText masks every URL inside a text.
func maskText(text string) string { return urlInText.ReplaceAllStringFunc(text, MaskURL) }
