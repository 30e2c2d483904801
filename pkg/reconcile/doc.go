// Package reconcile is one cycle and the loop around it: observe, plan, apply, observe again, report. It owns the small port to AWS and is
// the only place that decides about retry, skip and stop. It must not know the SDK or git. Read Cycle first.
package reconcile
