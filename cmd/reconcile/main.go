// Reconcile makes Scaleway look like a Git repository says.
package main

import "os"

func main() {
	os.Exit(run(process(), os.Args[1:]))
}
