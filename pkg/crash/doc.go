// Package crash holds tests alone: many situations, in each of which peerd is stopped before and after every single one of its calls, and
// what it left is handed to a fresh process. A process that is killed leaves exactly the world as it is at that moment; so one life of each
// situation goes by undisturbed, and the world is copied at each of its calls. Start reading at sweep; the situations are in the files
// beside it.
package crash
