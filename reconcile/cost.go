package reconcile

import (
	"context"
	"fmt"
	"math"
)

// Money is an amount in millionths of a euro, before tax.
type Money int64

// Euro is one euro.
const Euro Money = 1_000_000

// String is the amount in euros with two decimals, as "12.34 EUR".
func (m Money) String() string {
	sign := ""
	if m < 0 {
		sign, m = "-", -m
	}
	cents := (m + Euro/200) / (Euro / 100)
	return fmt.Sprintf("%s%d.%02d EUR", sign, cents/100, cents%100)
}

// MonthHours are the hours of the month that prices are told for.
const MonthHours = 730

// A Cost is what a resource costs in a month. The zero Cost is nothing.
type Cost struct {
	Least   Money  // whatever it is used for
	Most    Money  // if it is used as much as its settings allow; Least where use does not matter
	Unknown string // why it is not known, or not in full; "" if it is
}

// A Bill is what a change does to the monthly cost.
type Bill struct {
	From Cost // of what is live; nothing for a create
	To   Cost // of what is wanted; nothing for a delete
}

// A Product is one thing that has a price in Scaleway's product catalogue.
type Product struct {
	SKU     string
	Type    string // as the catalogue asks for it: "serverless_containers", "elastic_metal"
	Name    string // its "product", such as "vCPU"
	Variant string
	Offer   string  // ID of what is ordered, if there is one
	Place   string  // region or zone; "" is everywhere
	Unit    string  // what the price is for, as the catalogue words it
	Size    float64 // how many of the unit
	Price   Money
}

// For is what an amount of the product's unit costs. No fraction is lost before
// the sum is rounded.
func (p Product) For(amount float64) Money {
	if p.Size <= 0 {
		return 0
	}
	return Money(math.Round(amount * float64(p.Price) / p.Size))
}

// ProductPrices is the kind of a PriceSource's receipts.
const ProductPrices = "prices"

// A PriceList is the catalogue's products, as far as they were asked for.
type PriceList []Product

// Find is the product of a type that is sold by a unit in a place. Where several
// are, it is the dearest: what is free in part costs that beyond it.
func (l PriceList) Find(productType, unit, place string) (found Product, ok bool) {
	for _, p := range l {
		if p.Type != productType || p.Unit != unit || p.Place != place && p.Place != "" || p.Size <= 0 {
			continue
		}
		if !ok || float64(p.Price)/p.Size > float64(found.Price)/found.Size {
			found, ok = p, true
		}
	}
	return found, ok
}

// A PriceSource reads the product catalogue. It may be used concurrently.
type PriceSource interface {
	// Prices are the products of some types. The receipt says if they could not be read.
	Prices(ctx context.Context, types []string) (PriceList, Receipt)
}

// A Pricer says what a resource with a spec costs. It is pure.
type Pricer[S any] interface {
	// Products are the catalogue's types that it needs prices of.
	Products() []string
	Price(in Scope, spec S, prices PriceList) Cost
}
