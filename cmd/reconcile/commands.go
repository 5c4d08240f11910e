package main

import "github.com/spf13/cobra"

// commands are the verbs, in the order in which the help lists them.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.initCommand(),
		a.validateCommand(),
		a.policyCommand(),
		a.planCommand(),
		a.applyCommand(),
		a.driftCommand(),
		a.setCommand(),
		a.outputsCommand(),
		a.forgetCommand(),
		a.configCommand(),
		a.inventoryCommand(),
		a.statusCommand(),
		a.whyCommand(),
		a.runsCommand(),
		a.approveCommand(),
		a.suspendCommand(),
		a.holdCommand(),
		a.freezeCommand(),
		a.overrideCommand(),
		a.acceptCommand(),
		a.rollbackCommand(),
		a.nudgeCommand(),
		a.tokenCommand(),
		a.auditCommand(),
		a.serveCommand(),
		a.simulatorCommand(),
		a.doctorCommand(),
		a.schemaCommand(),
		a.versionCommand(),
	}
}
