// Package manifest reads the desired state: YAML into nodes that remember their
// place, within budgets, the Stack's own manifest, and the display of all that
// is wrong. It is the home of gopkg.in/yaml.v3.
//
// A file is parsed into yaml.v3's nodes only; its decoder is not used, because
// its map decoding is quadratic in the keys. Budgets hold for every YAML file
// below the folder. The rest holds for manifests only, since a folder may hold
// other YAML too: no anchors, aliases, merges or tags, and no key twice.
//
// Scalars are those of YAML 1.2's core schema, and none that version 1.1 or
// other readers take differently: true and false are the only booleans, so yes,
// no, on and off are strings, and so are dates; 0x1F and 0o17 are whole numbers;
// 010, 1_000 and 0b1 are refused, since to some readers they are other numbers
// and to others text. A scalar's text is kept as written: 1.10 stays 1.10.
//
// An Editor changes single values of a file and leaves all other bytes as they
// are; what it cannot write so it refuses.
//
// Files are UTF-8, with or without a byte order mark. Everything that is wrong
// in a tree is found in one go; a file that is no YAML at all says so once.
package manifest
