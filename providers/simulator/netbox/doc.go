// Package netbox is a NetBox to test with: its REST API over tables in memory,
// in the version that is asked for. It imports nothing of the project; package
// simulator mounts it, gives it a clock and keeps its state.
//
// A table is data (tables_*.go): fields with their forms, what they refer to,
// what must be unique, what goes when a row goes. One engine reads and writes
// rows of all of them. Rows never change once they are stored; a write puts
// another one in their place, so that reading needs a short lock only.
package netbox
