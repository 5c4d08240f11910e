package main

import (
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/inventory"
)

func (a *app) inventoryRules() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Say who wins where Git, NetBox and Scaleway disagree",
		Long: `Rules prints the table by which differences are decided: for each fact who wins,
Git, NetBox or what is live at Scaleway, and what is done where others differ. It
asks nobody.

Exit status: 0.`,
		Example: `  reconcile inventory rules
  reconcile inventory rules -o json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.printRules(output)
		},
	}
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// wonBy is what inventory rules -o json prints.
type wonBy struct {
	FormatVersion string             `json:"format_version"`
	Rules         []inventory.Winner `json:"rules"`
}

func (a *app) printRules(output string) error {
	if err := checkOutput(output, "text", "json"); err != nil {
		return err
	}
	rules := inventory.Winners()
	if output == "json" {
		return indented(a.out, wonBy{"1", rules})
	}
	page := a.sheet(a.out)
	rows := [][]string{{"FACT", "WINS", "WHERE OTHERS DIFFER"}}
	for _, r := range rules {
		var sides []string
		for _, side := range r.Sides {
			sides = append(sides, string(side))
		}
		rows = append(rows, []string{r.About, strings.Join(sides, ", then "), r.Others})
	}
	page.table(rows)
	return page.err
}
