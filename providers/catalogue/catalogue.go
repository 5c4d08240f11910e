// Package catalogue reads prices from Scaleway's product catalogue, which is
// public: any API key may read it.
package catalogue

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	sdk "github.com/scaleway/scaleway-sdk-go/api/product_catalog/v2alpha1"
	"github.com/scaleway/scaleway-sdk-go/scw"

	"gitlab.com/reconciled/reconciled/providers/scaleway"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// patience is how long a plan waits for prices. It can do without them.
const patience = 20 * time.Second

const path = "/product-catalog/v2alpha1/public-catalog/products"

// Catalogue is a PriceSource.
type Catalogue struct{ client *scaleway.Client }

var _ reconcile.PriceSource = Catalogue{}

// New returns the catalogue as a client reaches it.
func New(client *scaleway.Client) Catalogue { return Catalogue{client} }

// Prices implements reconcile.PriceSource.
func (c Catalogue) Prices(ctx context.Context, types []string) (reconcile.PriceList, reconcile.Receipt) {
	start := c.client.Clock.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := scaleway.List(ctx, func(ctx context.Context, page, size int) ([]*sdk.PublicCatalogProduct, int, error) {
		return c.page(ctx, types, page, size)
	}, func(p *sdk.PublicCatalogProduct) string { return p.Sku })
	receipt := reconcile.Receipt{Kind: reconcile.ProductPrices, Count: len(found), Complete: err == nil, At: start, Took: c.client.Clock.Now().Sub(start)}
	if err != nil {
		receipt.Reason = reason(err)
		return nil, receipt
	}
	list := make(reconcile.PriceList, 0, len(found))
	for _, p := range found {
		if product, ok := productOf(p); ok {
			list = append(list, product)
		}
	}
	return list, receipt
}

// reason is why prices could not be read, in the same words each time: it stands
// in reasons for holds.
func reason(err error) string {
	var refusal *reconcile.Error
	if errors.As(err, &refusal) {
		return refusal.Message
	}
	return err.Error()
}

// page asks by itself: the SDK's method puts the client's default region into a
// request that names no place, and would leave out the prices of all others.
func (c Catalogue) page(ctx context.Context, types []string, page, size int) ([]*sdk.PublicCatalogProduct, int, error) {
	query := url.Values{"product_types": types, "page": {strconv.Itoa(page)}, "page_size": {strconv.Itoa(size)}}
	var answer sdk.ListPublicCatalogProductsResponse
	err := c.client.SDK.Do(&scw.ScalewayRequest{Method: http.MethodGet, Path: path, Query: query}, &answer, scw.WithContext(ctx))
	return answer.Products, int(answer.TotalCount), err
}

// productOf is a product with a price in euros; ok is false of all others.
func productOf(p *sdk.PublicCatalogProduct) (product reconcile.Product, ok bool) {
	unit, price := p.UnitOfMeasure, p.Price
	if unit == nil || price == nil || price.RetailPrice == nil || price.RetailPrice.CurrencyCode != "EUR" {
		return reconcile.Product{}, false
	}
	product = reconcile.Product{SKU: p.Sku, Name: p.Product, Variant: p.Variant, Place: placeOf(p.Locality), Unit: string(unit.Unit)}
	product.Type, product.Offer = typeOf(p.Properties)
	product.Price, product.Size = exact(*price.RetailPrice, float64(max(unit.Size, 1)))
	return product, true
}

// exact is a price in millionths, for more of the unit where it is too small for them.
func exact(m scw.Money, size float64) (reconcile.Money, float64) {
	if m.Nanos%1000 != 0 {
		return reconcile.Money(m.Units)*1000*reconcile.Euro + reconcile.Money(m.Nanos), size * 1000
	}
	return reconcile.Money(m.Units)*reconcile.Euro + reconcile.Money(m.Nanos)/1000, size
}

func placeOf(l *sdk.PublicCatalogProductLocality) string {
	switch {
	case l == nil:
		return ""
	case l.Zone != nil:
		return l.Zone.String()
	case l.Region != nil:
		return l.Region.String()
	case l.Datacenter != nil:
		return *l.Datacenter
	}
	return ""
}

// typeOf tells which of the catalogue's types a product is. They are named as
// the properties of which a product has just one sort, beside its hardware.
func typeOf(p *sdk.PublicCatalogProductProperties) (productType, offer string) {
	sorts := map[string]json.RawMessage{}
	if raw, err := json.Marshal(p); p == nil || err != nil || json.Unmarshal(raw, &sorts) != nil {
		return "", ""
	}
	delete(sorts, "hardware")
	for productType = range sorts {
		break
	}
	if p.ElasticMetal != nil {
		offer = p.ElasticMetal.OfferID
	}
	return productType, offer
}
