// Package inventory is NetBox as the third side: which machine is which, where,
// whose, and what a person has put on hold. It holds the kind Device, the
// comparison of Git, NetBox and Scaleway, and the guard that keeps machines from
// being made or deleted while NetBox says otherwise, or says nothing.
//
// Package netbox below it is the only one that talks to a server.
package inventory
