// Package soak holds tests alone: random specs over random worlds, hand edits, commits, faults and crashes, by seed, through the real cycle,
// with the real SDK over the simulator, and far more often with the in-memory target. An oracle that reads the world and knows nothing of
// peerd's own code looks after every call whether something foreign was touched, something healthy was lost, or more was removed than
// allowed. Start reading at run.
package soak
