// Package audittrail asks Scaleway's Audit Trail who wrote to live resources.
//
// The log is kept per region, and an organization's permission set,
// AuditTrailReadOnly, lets it be read. Its events name a user or an application
// by ID; IAM tells the name, where it may be asked.
//
// Our own calls are told apart by what nobody else can have: the ID of a request
// that our journal knows, or our own key's owner together with our User-Agent. A
// User-Agent alone proves nothing, as anybody can send it.
package audittrail
