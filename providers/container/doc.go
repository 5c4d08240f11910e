// Package container is Scaleway's Serverless Containers, API v1: the kinds
// Namespace, Container, Trigger and Domain.
//
// A manifest of kind Container is a container and what belongs to it: its
// namespace, its triggers and its domains. Which field is which of the API's
// stands in the table of fields, fields.go; what the API would refuse is said
// beforehand, validate.go.
//
// Every update of a container deploys it anew, and none is taken while one is
// under way. So an update is one PATCH with everything that differs, and
// nothing but a real difference causes one.
package container
