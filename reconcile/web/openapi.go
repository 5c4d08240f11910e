package web

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// apiVersion is that of /api/v1. Which version of the program answers is nothing
// for strangers, who may read the document too.
const apiVersion = "1"

// document writes the OpenAPI document of a table of routes.
func document(table []route) ([]byte, error) {
	s := &schemas{components: object{}}
	paths := object{}
	for _, r := range table {
		at := wildcard.ReplaceAllString(strings.TrimSuffix(r.pattern, "{$}"), "{$1}")
		methods, ok := paths[at].(object)
		if !ok {
			methods = object{}
			paths[at] = methods
		}
		methods[strings.ToLower(r.method)] = s.entry(r, at)
	}
	s.of(reflect.TypeFor[Progress]()) // which only events carry
	return json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "reconcile", "version": apiVersion, "license": object{"name": "Apache 2.0", "identifier": "Apache-2.0"},
			"description": "What the daemon tells and takes. A {stack} is a name of the operator's file or an owner word.",
		},
		"servers": []any{object{"url": "/"}},
		"paths":   paths,
		"components": object{
			"schemas": s.components,
			"securitySchemes": object{
				"token": object{"type": "http", "scheme": "bearer", "description": "A token of reconcile token create, or an ID token of an issuer in the operator's file."},
				"hook":  object{"type": "apiKey", "in": "header", "name": "X-Gitlab-Token", "description": "The hook's own secret; a request may be signed instead."},
			},
		},
	}, "", " ")
}

var wildcard = regexp.MustCompile(`\{(\w+)\.\.\.\}`)

func (s *schemas) entry(r route, at string) object {
	op := object{"summary": r.summary, "operationId": entryID(r, at), "responses": s.answers(r)}
	security := []any{}
	switch {
	case r.hook:
		security = append(security, object{"hook": []any{}})
	case r.nearby:
		security = append(security, object{"token": []any{}}, object{})
	case r.role != "":
		security = append(security, object{"token": []any{}})
		op["x-role"] = r.role
	}
	op["security"] = security
	if params := s.parameters(r, at); len(params) > 0 {
		op["parameters"] = params
	}
	if r.in != nil {
		content, sent := object{}, &schemas{components: s.components, sent: true}
		for _, media := range r.takes() {
			content[media] = sent.content(r.in)
		}
		op["requestBody"] = object{"required": true, "content": content}
	}
	return op
}

// content is a body's. Bytes have no schema: the media type says it all.
func (s *schemas) content(of any) object {
	if _, raw := of.([]byte); raw {
		return object{}
	}
	return object{"schema": s.of(reflect.TypeOf(of))}
}

func (s *schemas) answers(r route) object {
	answer := object{"description": http.StatusText(r.status)}
	_, plain := r.out.(text)
	switch {
	case r.out == nil:
	case plain:
		media := r.media
		if media == nil {
			media = []string{"text/plain"}
		}
		content := object{}
		for _, m := range media {
			content[m] = object{}
		}
		answer["content"] = content
	default:
		content := object{"application/json": s.content(r.out)}
		for _, m := range r.media {
			if m != "application/json" {
				content[m] = object{}
			}
		}
		answer["content"] = content
	}
	out := object{strconv.Itoa(r.status): answer, "default": s.refused("Refused")}
	for _, status := range r.fails {
		if _, ready := r.out.(text); ready && status == http.StatusServiceUnavailable && r.role == "" {
			out[strconv.Itoa(status)] = object{"description": "Not ready, and why", "content": object{"text/plain": object{}}}
			continue
		}
		out[strconv.Itoa(status)] = s.refused(http.StatusText(status))
	}
	return out
}

func (s *schemas) refused(what string) object {
	return object{"description": what, "content": object{"application/json": s.content(failure{})}}
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

func (s *schemas) parameters(r route, at string) []any {
	var out []any
	for _, match := range placeholder.FindAllStringSubmatch(at, -1) {
		out = append(out, object{"name": match[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, q := range r.query {
		out = append(out, object{"name": q.name, "in": "query", "description": q.doc, "schema": s.of(reflect.TypeOf(q.of))})
	}
	return out
}

// entryID is a name for a route, such as getRunsJid.
func entryID(r route, at string) string {
	id := strings.ToLower(r.method)
	if r.status == http.StatusSeeOther {
		id = "lead"
	}
	for word := range strings.FieldsFuncSeq(strings.TrimPrefix(at, "/api/v1"), func(r rune) bool { return strings.ContainsRune("/{}.", r) }) {
		id += strings.ToUpper(word[:1]) + word[1:]
	}
	return id
}

func (c *call) document() (any, error) {
	c.w.Header().Set("Content-Type", "application/json")
	c.send(c.openapi)
	return streamed{}, nil
}
