package main

// generateCommand holds the commands that make stimuli.
type generateCommand struct {
	Degrade    generateDegradeCommand    `cmd:"" help:"Write images degraded as in experiments with people: contrast, noise, filters, eidolons and others."`
	Experiment generateExperimentCommand `cmd:"" help:"Prepare an experiment: a balanced set of images, an order for each subject, the field's file names."`
}
