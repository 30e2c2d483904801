// Package iamtest is for tests that let IAM policies decide about the calls that a simulated EC2 and STS are sent. It reads policies as they
// are printed, works out of which resources each call is made and what EC2 would tell about them, and refuses what no statement allows. It
// must not know how the policies were made.
//
// What an action asks about is in supported, from the Service Authorization Reference. Read Enforcer first.
package iamtest
