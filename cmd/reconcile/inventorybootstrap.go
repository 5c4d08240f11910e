package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/inventory"
	"gitlab.com/reconciled/reconciled/reconcile"
)

// bootstrapFlags are those of inventory bootstrap.
type bootstrapFlags struct {
	location                       string
	dryRun                         bool
	webhook, secretEnv             string
	sites, roles, platforms, types []string
	output                         string
}

func (a *app) inventoryBootstrap() *cobra.Command {
	var f bootstrapFlags
	cmd := &cobra.Command{
		Use:   "bootstrap [PATH]",
		Short: "Make the custom fields, tags and webhook that reconcile needs in NetBox",
		Long: `Bootstrap makes what NetBox lacks so that devices can bear marks and people can
put holds on them: custom fields and tags, with --webhook-url a webhook and its
event rule, and whatever else is named. It shows each thing with + (made), ~
(changed) or = (well already). Run again it does nothing. A custom field of our
name that is of another type is an error, and nothing is changed then.

In a stack's folder what is done is recorded in the stack's journal.

Exit status: 0 done, or nothing to do; 1 error.`,
		Example: `  reconcile inventory bootstrap --dry-run
  reconcile inventory bootstrap --webhook-url https://reconcile.example.com/hooks/netbox --webhook-secret-env NETBOX_WEBHOOK_SECRET
  reconcile inventory bootstrap --device-type em-a210r-hdd=Scaleway/EM-A210R-HDD --role worker=Worker`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.location = first(args)
			return a.bootstrapNetBox(cmd.Context(), f)
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.dryRun, "dry-run", false, "only show what would be done")
	fl.StringVar(&f.webhook, "webhook-url", "", "also a webhook to this address of the daemon, and the event rule that calls it")
	fl.StringVar(&f.secretEnv, "webhook-secret-env", "", "name of the variable that holds the webhook's secret, which signs what NetBox sends")
	fl.StringArrayVar(&f.sites, "site", nil, "also a site, as SLUG or SLUG=NAME, if there is none (repeatable)")
	fl.StringArrayVar(&f.roles, "role", nil, "also a device role, likewise (repeatable)")
	fl.StringArrayVar(&f.platforms, "platform", nil, "also a platform, likewise (repeatable)")
	fl.StringArrayVar(&f.types, "device-type", nil, "also a device type, as SLUG=MANUFACTURER/MODEL, if there is none (repeatable)")
	outputFlag(cmd, &f.output, "text", "json")
	return cmd
}

var slugForm = regexp.MustCompile(`^[-a-zA-Z0-9_]{1,100}$`)

// wanted is what the flags ask for.
func (f *bootstrapFlags) wanted(getenv func(string) string) (inventory.Bootstrap, error) {
	var b inventory.Bootstrap
	var errs []error
	for _, one := range []struct {
		flag  string
		words []string
		into  *[]inventory.Named
	}{{"--site", f.sites, &b.Sites}, {"--role", f.roles, &b.Roles}, {"--platform", f.platforms, &b.Platforms}} {
		for _, word := range one.words {
			slug, name, named := strings.Cut(word, "=")
			if !slugForm.MatchString(slug) || named && name == "" {
				errs = append(errs, fmt.Errorf("%s %s: wants SLUG or SLUG=NAME, as fr-par-2=Paris", one.flag, word))
			}
			*one.into = append(*one.into, inventory.Named{Slug: slug, Name: name})
		}
	}
	for _, word := range f.types {
		slug, rest, _ := strings.Cut(word, "=")
		maker, model, _ := strings.Cut(rest, "/")
		if !slugForm.MatchString(slug) || maker == "" || model == "" {
			errs = append(errs, fmt.Errorf("--device-type %s: wants SLUG=MANUFACTURER/MODEL, as em-a210r-hdd=Scaleway/EM-A210R-HDD", word))
		}
		b.DeviceTypes = append(b.DeviceTypes, inventory.NamedType{Slug: slug, Manufacturer: maker, Model: model})
	}
	errs = append(errs, f.hook(&b, getenv))
	return b, errors.Join(errs...)
}

func (f *bootstrapFlags) hook(b *inventory.Bootstrap, getenv func(string) string) error {
	at, err := url.Parse(f.webhook)
	switch {
	case f.webhook == "" && f.secretEnv == "":
		return nil
	case f.webhook == "":
		return errors.New("--webhook-secret-env is for a webhook; name its address with --webhook-url")
	case err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" || at.User != nil:
		return errors.New("--webhook-url: wants an address such as https://reconcile.example.com/hooks/netbox")
	case f.secretEnv == "":
		return errors.New("--webhook-url needs a secret, without which anybody could call the daemon: name the variable that holds it with --webhook-secret-env")
	case getenv(f.secretEnv) == "":
		return fmt.Errorf("--webhook-secret-env %s: this variable is not set", reconcile.Clean(f.secretEnv))
	}
	b.WebhookURL, b.WebhookSecret = f.webhook, reconcile.NewSecret(getenv(f.secretEnv))
	return nil
}

// bootstrapped is what inventory bootstrap -o json prints.
type bootstrapped struct {
	FormatVersion string               `json:"format_version"`
	DryRun        bool                 `json:"dry_run"`
	Fixtures      []*inventory.Fixture `json:"fixtures"`
}

func (a *app) bootstrapNetBox(ctx context.Context, f bootstrapFlags) error {
	if err := checkOutput(f.output, "text", "json"); err != nil {
		return err
	}
	b, err := f.wanted(a.getenv)
	if err != nil {
		return a.inLines(err)
	}
	s, err := a.inventorying(ctx, f.location, true)
	if err != nil {
		return err
	}
	defer s.close()
	all, err := b.Fixtures(ctx, s.netbox)
	if err != nil {
		return s.inLines(err)
	}
	out := a.out
	if f.output == "json" {
		out = a.err
	}
	todo := tellFixtures(out, all)
	switch {
	case todo == 0:
		fmt.Fprintln(out, "Nothing to do.")
	case f.dryRun:
		fmt.Fprintf(out, "%s to do; nothing was changed.\n", counted(todo, "thing"))
	default:
		err = s.makeFixtures(ctx, out, all, todo)
	}
	if err == nil && f.output == "json" {
		err = indented(a.out, bootstrapped{"1", f.dryRun, all})
	}
	return err
}

// tellFixtures shows what there is to do, and counts it.
func tellFixtures(w io.Writer, all []*inventory.Fixture) (todo int) {
	for _, f := range all {
		if f.Sign != "=" {
			todo++
		}
		detail := ""
		if f.Detail != "" {
			detail = "  " + f.Detail
		}
		fmt.Fprintln(w, reconcile.Clean(fmt.Sprintf("  %s %s%s", f.Sign, f.Name, detail)))
	}
	return todo
}

// makeFixtures does it, between two records of the stack's journal if there is a stack.
func (s *session) makeFixtures(ctx context.Context, out io.Writer, all []*inventory.Fixture, todo int) error {
	var done []string
	work := func(ctx context.Context) (string, error) {
		err := inventory.Make(ctx, s.netbox, all, func(f *inventory.Fixture) { done = append(done, f.Sign+" "+f.Name) })
		if err != nil {
			return "", fmt.Errorf("inventory bootstrap: %w; done before: %s; run it again when that is mended", err, orElse(strings.Join(done, ", "), "nothing"))
		}
		return "made NetBox ready: " + strings.Join(done, ", "), nil
	}
	var err error
	if s.src.Stack.Declared {
		if err = s.openStore(ctx, true); err == nil {
			err = s.audited(ctx, "inventory.bootstrap", "NetBox", fmt.Sprintf("makes NetBox ready: %s to do", counted(todo, "thing")), work)
		}
	} else {
		fmt.Fprintln(s.err, "This folder has no stack, so what is done is recorded in no journal of reconcile; NetBox's change log has it.")
		_, err = work(ctx)
	}
	if err == nil {
		_, err = fmt.Fprintf(out, "Done: %s.\n", counted(len(done), "thing"))
	}
	return err
}
