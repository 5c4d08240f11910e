// Package scaleway is what every Scaleway kind needs: credentials as the SDK and
// the scw command know them, a transport that limits, retries and redacts,
// complete listings, marks in tags and descriptions, secrets that are known by
// their hash only, and the classes of errors.
//
// A request passes these, outermost first:
//
//	denial    refuses everything for a while after a 401
//	retrier   sends again what may be sent again, after a wait
//	breaker   spares a product that fails altogether in one place
//	limiter   waits for a turn: the stacks share the credential's rate
//	keyed     gives it the API key as it is now, and the tag of its run
//	counter   counts by method and outcome
//	exchange  one try: time limit, whole answer read and checked, refusals classified
//	recorder  notes the call for the journal
//
// What comes out is either an answer that can be trusted to be whole, or a
// *reconcile.Error.
package scaleway
