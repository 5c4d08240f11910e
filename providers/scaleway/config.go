package scaleway

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/scaleway/scaleway-sdk-go/scw"
	"github.com/scaleway/scaleway-sdk-go/validation"
	"gopkg.in/yaml.v2" // as in the SDK: its own loader prints to standard output and reads the process's environment only
)

// settings are what a client needs to know.
type settings struct {
	accessKey, secretKey, apiURL, project, organization, region, zone string

	file string // the configuration file, read or not
}

// names are the settings' names in the environment and in the configuration file.
var names = []struct {
	env     string
	set     func(*settings) *string
	profile func(*scw.Profile) *string
}{
	{scw.ScwAccessKeyEnv, func(s *settings) *string { return &s.accessKey }, func(p *scw.Profile) *string { return p.AccessKey }},
	{scw.ScwSecretKeyEnv, func(s *settings) *string { return &s.secretKey }, func(p *scw.Profile) *string { return p.SecretKey }},
	{scw.ScwAPIURLEnv, func(s *settings) *string { return &s.apiURL }, func(p *scw.Profile) *string { return p.APIURL }},
	{scw.ScwDefaultProjectIDEnv, func(s *settings) *string { return &s.project }, func(p *scw.Profile) *string { return p.DefaultProjectID }},
	{scw.ScwDefaultOrganizationIDEnv, func(s *settings) *string { return &s.organization }, func(p *scw.Profile) *string { return p.DefaultOrganizationID }},
	{scw.ScwDefaultRegionEnv, func(s *settings) *string { return &s.region }, func(p *scw.Profile) *string { return p.DefaultRegion }},
	{scw.ScwDefaultZoneEnv, func(s *settings) *string { return &s.zone }, func(p *scw.Profile) *string { return p.DefaultZone }},
}

// read takes each setting from the environment, or else from the profile, as
// scw and the SDK do. An empty variable is an unset one.
func read(o Options) (*settings, error) {
	s := &settings{}
	profile, err := s.profile(o)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		field := name.set(s)
		if from := name.profile(profile); from != nil {
			*field = *from
		}
		if value := o.Getenv(name.env); value != "" {
			*field = value
		}
	}
	s.apiURL = strings.TrimRight(s.apiURL, "/")
	return s, nil
}

// profile is the one that SCW_PROFILE or the file's active_profile names, over
// the settings at the file's top. Without a file it is empty.
func (s *settings) profile(o Options) (*scw.Profile, error) {
	config, err := s.load(o)
	if err != nil {
		return nil, err
	}
	name := o.Getenv(scw.ScwActiveProfileEnv)
	if name == "" && config.ActiveProfile != nil {
		name = *config.ActiveProfile
	}
	if name == "" || name == scw.DefaultProfileName {
		return &config.Profile, nil
	}
	profile := config.Profiles[name]
	if profile == nil {
		return nil, invalid("the profile %q (SCW_PROFILE or active_profile) is not in %s", name, s.file)
	}
	return scw.MergeProfiles(&config.Profile, profile), nil
}

func (s *settings) load(o Options) (*scw.Config, error) {
	config := &scw.Config{}
	for _, file := range files(o) {
		s.file = file
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read Scaleway's configuration: %w", err)
		}
		if yaml.Unmarshal(text, config) != nil { // the parser's words quote the text, which holds a secret
			return nil, invalid("%s is no valid configuration of scw", file)
		}
		return config, nil
	}
	return config, nil
}

// files are the places of the configuration file, the likeliest last so that an error names it.
func files(o Options) []string {
	if file := o.Getenv(scw.ScwConfigPathEnv); file != "" {
		return []string{file}
	}
	folder := o.Getenv("XDG_CONFIG_HOME")
	if folder == "" {
		folder = filepath.Join(o.Home, ".config")
	}
	return []string{filepath.Join(folder, "scw", "config.yml"), filepath.Join(folder, "scw", "config.yaml")}
}

// private tells whether nobody on the way can read what is sent.
func private(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return true // what is no URL at all is refused elsewhere
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// check names the variable of the first setting beside the key that is malformed.
// It never repeats a value.
func (s *settings) check() error {
	switch {
	case !private(s.apiURL):
		return invalid("SCW_API_URL would send the secret key in clear: http is for this machine only; use https")
	case s.project != "" && !validation.IsProjectID(s.project):
		return malformed(scw.ScwDefaultProjectIDEnv, "wants a UUID", s.project)
	case s.organization != "" && !validation.IsOrganizationID(s.organization):
		return malformed(scw.ScwDefaultOrganizationIDEnv, "wants a UUID", s.organization)
	case s.region != "" && !validation.IsRegion(s.region):
		return malformed(scw.ScwDefaultRegionEnv, "wants a region such as fr-par", s.region)
	case s.zone != "" && !validation.IsZone(s.zone):
		return malformed(scw.ScwDefaultZoneEnv, "wants a zone such as fr-par-1", s.zone)
	case s.apiURL != "" && !isURL(s.apiURL):
		return malformed(scw.ScwAPIURLEnv, "wants a URL such as https://api.scaleway.com", s.apiURL)
	}
	return nil
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

func missing(variable, what string) error {
	return invalid("%s is missing: set %s (or scw's configuration file), or try the command with --simulator", what, variable)
}

func malformed(variable, wants, value string) error {
	return invalid("%s is malformed: it %s and has %d characters; set it right, or try the command with --simulator",
		variable, wants, len(value))
}

func (s *settings) options(o Options, key Credentials, door *door) []scw.ClientOption {
	options := []scw.ClientOption{
		scw.WithAuth(key.AccessKey, key.SecretKey.Reveal()),
		scw.WithHTTPClient(door),
		scw.WithDefaultPageSize(PageSize),
		scw.WithUserAgent(o.UserAgent),
	}
	if s.apiURL != "" {
		options = append(options, scw.WithAPIURL(s.apiURL))
	}
	if s.region != "" {
		options = append(options, scw.WithDefaultRegion(scw.Region(s.region)))
	}
	if s.zone != "" {
		options = append(options, scw.WithDefaultZone(scw.Zone(s.zone)))
	}
	if s.project != "" {
		options = append(options, scw.WithDefaultProjectID(s.project))
	}
	return options
}
