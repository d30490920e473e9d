package main

// generateExperimentCommand prepares an experiment with people.
type generateExperimentCommand struct{}
