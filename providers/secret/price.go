package secret

import "gitlab.com/reconciled/reconciled/reconcile"

// What the product catalogue calls secrets, and the unit that it sells them by.
const (
	productType = "secret_manager"
	versionHour = "version" // the catalogue does not say for how long; the published price of a month is that of its hours
)

var _ reconcile.Pricer[Secret] = secrets{}

// Products implements reconcile.Pricer.
func (p secrets) Products() []string { return []string{productType} }

// Price is that of the one version which is enabled. Reading it costs by the
// request, so little that it is left out.
func (p secrets) Price(in reconcile.Scope, _ Secret, prices reconcile.PriceList) reconcile.Cost {
	version, ok := prices.Find(productType, versionHour, in.Place)
	if !ok {
		return reconcile.Cost{Unknown: "the product catalogue has no price of secrets in " + in.Place}
	}
	month := version.For(reconcile.MonthHours)
	return reconcile.Cost{Least: month, Most: month}
}
