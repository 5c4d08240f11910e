package reconcile

import "context"

// Witnesses are those who can tell who wrote to live resources, by kind; the one
// for "" is asked about all other kinds.
type Witnesses map[string]Witness

// Authors implements Witness.
func (w Witnesses) Authors(ctx context.Context, of []Suspect) (map[string][]Author, []Receipt) {
	asked := map[string][]Suspect{}
	for _, s := range of {
		name := s.Kind
		if w[name] == nil {
			name = ""
		}
		asked[name] = append(asked[name], s)
	}
	authors := map[string][]Author{}
	var receipts []Receipt
	for _, name := range sortedKeys(asked) {
		if w[name] == nil {
			continue
		}
		named, told := w[name].Authors(ctx, asked[name])
		for id, by := range named {
			authors[id] = by
		}
		receipts = addReceipts(receipts, told)
	}
	return authors, receipts
}
