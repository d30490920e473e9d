package main

// generateDegradeCommand writes degraded images.
type generateDegradeCommand struct{}
