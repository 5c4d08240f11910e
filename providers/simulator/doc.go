// Package simulator answers Scaleway's API, and NetBox's beside it, over real
// HTTP on loopback, so that a reconciler can be tried without an account.
//
// The words of this package:
//
//   - A kind is a sort of resource, written as a table: its fields with their
//     forms and defaults, its filters, how long its changes take.
//   - An object is one resource. It is a timeline: phases, each with the time
//     from which it shows and the JSON object that it shows. "Deleting now,
//     gone in five seconds" is two phases. Nothing runs in the background: what
//     is answered depends on the phases and the clock alone, and the past can
//     be asked for as easily as the present.
//   - A route joins a method and a path template to the function that answers.
//   - A fault is a rule that makes some requests go wrong, see Fault.
//
// The wire format follows the public SDK (scaleway-sdk-go v1.39.0) and what its
// users recorded; README.md lists what is guessed.
package simulator
