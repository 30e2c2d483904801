// Package render writes a plan or a report as text or JSON. It must not decide anything: what it shows was decided in plan and reconcile.
package render
