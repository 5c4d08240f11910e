// Package secret is Scaleway's Secret Manager, API v1beta1: the kind Secret, and
// a Reader of values for manifests that refer to them.
//
// A secret has versions, each with a value. The latest enabled one is the value;
// a new value is a new version, and the API disables the one before as soon as
// the new one is there. The provider never reads a value: in the description of
// a version that it makes stands a salted verifier of the value, or how the value
// was generated. What is enabled without such a description is somebody else's.
package secret
