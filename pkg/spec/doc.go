// Package spec turns the bytes of spec files into a Set that is valid in itself, or into every complaint about them, each with
// file, line and column. It must not know AWS beyond the syntax of its names, nor git, flags, a clock or the network: equal files
// give equal results, in whatever order they come.
//
// Files flow through five steps, each in the files named:
//
//	bytes ─▶ node tree ─▶ checked tree ─▶ drafts ─▶ Set
//	        yaml.go      walk.go          collect.go  account.go vpc.go side.go rule.go
//	                     schema.go        generate.go peering.go
//
// Read schema.go first: it describes every field once. The walk checks a tree against it and keeps what is good, so that one
// mistake yields one complaint; later steps see typed values only and complain about what fields mean together.
package spec
