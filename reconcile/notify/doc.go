// Package notify tells people what happens: it sends messages to webhooks and to
// whatever takes Slack's incoming webhooks, Mattermost included.
//
// A message goes to a webhook as JSON: the fields of reconcile.Message, "v" (1),
// "id", which is the same for every try, and "url", the page to look at. It is
// signed as standardwebhooks.com describes, so that libraries for that check it:
//
//	webhook-id         the message's id
//	webhook-timestamp  seconds since 1970, of this try
//	webhook-signature  v1,<base64 of HMAC-SHA256(secret, id "." timestamp "." body)>
//
// The secret is taken as it is, or, if it begins with whsec_, what follows is
// its base64. Without a secret there is no signature. A receiver should refuse
// a timestamp that is more than five minutes off, and an id that it had.
//
// An answer of 2xx is success. After 408, 425, 429, 5xx, or none at all it is
// tried again, for six hours, not before a Retry-After is over. Redirects are
// not followed.
package notify
