package reconcile

import (
	"regexp"
	"strings"
)

// image is what a reference of a container image says, as registries read it.
type image struct {
	name   string // host and path: docker.io/library/nginx for nginx
	digest string // "sha256:..."; "" if there is none
}

var (
	imageHost   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]{1,5})?$`)
	imagePath   = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	imageTag    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	imageDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// parseImage reads a reference; ok is false for whatever a registry would not
// take, so that nothing passes for what it is not.
func parseImage(reference string) (i image, ok bool) {
	rest, digest, named := strings.Cut(reference, "@")
	if named && !imageDigest.MatchString(digest) {
		return i, false
	}
	name := rest
	if at := strings.LastIndexByte(rest, ':'); at > strings.LastIndexByte(rest, '/') {
		name = rest[:at]
		if !imageTag.MatchString(rest[at+1:]) {
			return i, false
		}
	}
	host, path := splitImage(name)
	if !imageHost.MatchString(host) || !imagePath.MatchString(path) {
		return i, false
	}
	return image{host + "/" + path, digest}, true
}

const dockerHub = "docker.io"

// splitImage tells a registry's host from the path there. A name without a host
// is one of Docker Hub's.
func splitImage(name string) (host, path string) {
	host, path, more := strings.Cut(name, "/")
	if !more || !isImageHost(host) {
		host, path = dockerHub, name
	}
	if host = strings.ToLower(host); host == "index."+dockerHub || host == "registry-1."+dockerHub {
		host = dockerHub
	}
	if host == dockerHub && !strings.Contains(path, "/") {
		path = "library/" + path
	}
	return host, path
}

// isImageHost tells a host from the first part of a path, as Docker does.
func isImageHost(word string) bool {
	return strings.ContainsAny(word, ".:") || word == "localhost" || strings.ToLower(word) != word
}

// parseRegistry reads the beginning of references, host first: the host's name
// alone, or with parts of a path. ok is false if it is none.
func parseRegistry(text string) (prefix string, ok bool) {
	host, path, more := strings.Cut(strings.TrimSuffix(text, "/"), "/")
	if !isImageHost(host) || !imageHost.MatchString(host) || more && !imagePath.MatchString(path) {
		return "", false
	}
	if host, _ = splitImage(host + "/x/y"); more {
		return host + "/" + path, true
	}
	return host, true
}

// under tells whether an image is from a registry, or a part of it: only whole
// parts of a path count.
func (i image) under(prefix string) bool {
	return i.name == prefix || strings.HasPrefix(i.name, prefix+"/")
}
