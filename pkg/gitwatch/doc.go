// Package gitwatch reads specs from a branch of a git repository: over https or ssh, or from a repository on this machine. Everything is in
// memory: there is no work tree, nothing is checked out, no hook or filter runs, and no git program is needed. It must not know what a spec
// says, and it decides nothing about a commit but whether it may be handed out.
//
// Whoever can write to the repository, or pretends to be its server, is a stranger: what arrives is measured before it is unpacked, names
// are judged before they are used, every object is hashed again when it is read, and what goes into an error is escaped and holds no secret.
//
// Read Watcher.Fetch first; docs/git.md says what is fetched and what is refused.
package gitwatch
