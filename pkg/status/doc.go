// Package status tells the outside how peerd stands: metrics, probes, the API, the landing page; and it takes webhooks. What it shows is
// the latest report, and the counts of what it was told of; it decides nothing, reads nothing from AWS or git, and holds nothing up. Nobody
// who sends a request is trusted: a webhook's payload is not even looked at. Read State first.
package status
