// Command peerd makes AWS VPC peerings match a spec. It only wires: flags to values, values to packages; one file per sub-command.
// Read run in root.go first.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}
