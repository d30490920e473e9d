// Package train is the loop around a step graph: batches, schedules, checkpoints, resume, progress, early stop.
//
// A step (Step; StepOf makes one of what graph/nn builds) is a pure graph whose state - parameters, running statistics, moments - stays
// inside the engine's program. Run feeds it batches that all cores prepare while the step before runs, follows the loss, and keeps
// checkpoints, so that a run which was killed at any moment goes on to the parameters, bit for bit, of one that was not: every random
// number is drawn from a stream derived from the seed, the epoch and the item, and none from a generator that has a past.
//
// The same seed, data, engine and number of threads give the same bytes; sums over other numbers of threads may differ in their last bits.
package train
