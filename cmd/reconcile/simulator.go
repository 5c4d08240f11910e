package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/reconciled/reconciled/providers/simulator"
)

func (a *app) simulatorCommand() *cobra.Command {
	var o simulator.Options
	var listen string
	cmd := &cobra.Command{
		Use:   "simulator",
		Short: "Serve a simulated Scaleway and NetBox on this machine",
		Long: `Simulator serves Scaleway's API on loopback until it is interrupted, and NetBox's
below /netbox, and prints the variables that lead scw, Terraform or this program
to them:

  reconcile simulator --listen 127.0.0.1:8080 > sim.env &
  . ./sim.env

Its state is kept in memory unless --state names a file. How to move its clock,
break it and count its requests stands in providers/simulator/README.md.

Exit status: 0 it was stopped; 1 it could not begin.`,
		Example: `  reconcile simulator --listen 127.0.0.1:8080 --state sim.json
  reconcile simulator --clock fast=60 --latency 50ms
  reconcile simulator --netbox-version 4.3.7`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serveSimulator(cmd, o, listen) },
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:8080", "address on this machine; port 0 takes a free one")
	f.StringVar(&o.StateFile, "state", "", "file to keep the state in")
	f.StringVar(&o.Clock, "clock", "real", "real, virtual (only POST /_sim/advance moves it) or fast=N (N times real time)")
	f.DurationVar(&o.Latency, "latency", 0, "added to each request")
	f.Int64Var(&o.Seed, "seed", 0, "makes IDs and faults repeatable")
	f.IntVar(&o.PageSize, "page-size", 0, "size of a page if the client names none (default: as the API)")
	f.StringVar(&o.NetBoxVersion, "netbox-version", "", "version of the simulated NetBox, from 4.2.0 to 4.7.0 (default: 4.6.8)")
	return cmd
}

func (a *app) serveSimulator(cmd *cobra.Command, o simulator.Options, listen string) error {
	sim, err := simulator.New(o)
	if err != nil {
		return err
	}
	defer sim.Close()
	url, stop, err := simulator.Listen(sim, listen)
	if err != nil {
		return err
	}
	defer stop()
	for _, variable := range sim.Environment(url) {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(a.out, "export %s=%s\n", name, value)
	}
	_, interrupted, end := a.interrupts(cmd.Context())
	defer end()
	fmt.Fprintf(a.err, "%s: simulating Scaleway at %s and NetBox below it; stop it with Ctrl-C\n", time.Now().Format(time.TimeOnly), url)
	<-interrupted
	return nil
}
