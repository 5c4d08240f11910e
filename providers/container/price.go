package container

import (
	"gitlab.com/reconciled/reconciled/reconcile"
)

// What the product catalogue calls containers, and the units that it sells them by.
const (
	productType  = "serverless_containers"
	memorySecond = "gb_s"
	cpuSecond    = "vcpu_s"
)

// monthSeconds are the seconds of the month that prices are told for.
const monthSeconds = reconcile.MonthHours * 3600

var (
	_ reconcile.Pricer[Namespace] = namespaces{}
	_ reconcile.Pricer[Container] = containers{}
	_ reconcile.Pricer[Trigger]   = triggers{}
	_ reconcile.Pricer[Domain]    = domains{}
)

// Products implements reconcile.Pricer.
func (p containers) Products() []string { return []string{productType} }

// Price is that of minScale instances that never sleep, up to that of maxScale
// which are always busy. What an organization has free each month is not taken
// off: all its containers share it.
func (p containers) Price(in reconcile.Scope, spec Container, prices reconcile.PriceList) reconcile.Cost {
	memory, priced := prices.Find(productType, memorySecond, in.Place)
	cpu, both := prices.Find(productType, cpuSecond, in.Place)
	if !priced || !both {
		return reconcile.Cost{Unknown: "the product catalogue has no price of containers in " + in.Place}
	}
	of := func(instances int) reconcile.Money {
		seconds := float64(instances) * monthSeconds
		return memory.For(seconds*float64(spec.MemoryLimitMb)/1000) + cpu.For(seconds*float64(spec.CPULimit)/1000)
	}
	return reconcile.Cost{Least: of(spec.MinScale), Most: of(max(spec.MinScale, spec.MaxScale))}
}

// What stands in a container, or holds it, costs nothing by itself.

// Products implements reconcile.Pricer.
func (p namespaces) Products() []string { return nil }

// Price implements reconcile.Pricer.
func (p namespaces) Price(reconcile.Scope, Namespace, reconcile.PriceList) (free reconcile.Cost) {
	return free
}

// Products implements reconcile.Pricer.
func (p triggers) Products() []string { return nil }

// Price implements reconcile.Pricer.
func (p triggers) Price(reconcile.Scope, Trigger, reconcile.PriceList) (free reconcile.Cost) {
	return free
}

// Products implements reconcile.Pricer.
func (p domains) Products() []string { return nil }

// Price implements reconcile.Pricer.
func (p domains) Price(reconcile.Scope, Domain, reconcile.PriceList) (free reconcile.Cost) {
	return free
}
