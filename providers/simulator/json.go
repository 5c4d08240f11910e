package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
)

// A doc is a JSON object: the fields of a resource as the API shows them.
// Numbers are json.Number. What is stored is never changed, only replaced.
type doc = map[string]any

// encode marshals what cannot fail: decoded JSON and our own plain structs.
func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

func text(d doc, key string) string {
	s, _ := d[key].(string)
	return s
}

// with is a copy of d in which some fields are set.
func with(d doc, fields doc) doc {
	out := maps.Clone(d)
	maps.Copy(out, fields)
	return out
}

func without(d doc, keys ...string) doc {
	out := maps.Clone(d)
	for _, key := range keys {
		delete(out, key)
	}
	return out
}

func whole(d doc, key string) int64 {
	digits, _ := d[key].(json.Number)
	n, _ := digits.Int64()
	return n
}

// decode reads one JSON value with numbers as they are written.
func decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

// decoded reads JSON that stands in this package's tables.
func decoded(raw string) any {
	var v any
	if err := decode([]byte(raw), &v); err != nil {
		panic(raw + ": " + err.Error())
	}
	return v
}

// decodeStrict reads JSON into a struct and names keys that it does not have.
func decodeStrict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one JSON value")
	}
	return nil
}
