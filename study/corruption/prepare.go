package corruption

import (
	"context"
	"fmt"

	"visus/internal/progress"
	"visus/study/result"
	"visus/study/session"
)

// prepare sets an examination up: it opens the data, compiles the models, and decides what is open.
// Nothing is written, so that a wrong use leaves nothing behind.
func (s Study) prepare(ctx context.Context, folder string) (*examination, error) {
	if s.Progress == nil {
		s.Progress = progress.Silent()
	}
	if s.Options.Adapt == nil {
		s.Options.Adapt = []string{} // as config.yaml has it when it is read again
	}
	x := &examination{Study: s, folder: folder}
	if err := x.setUp(ctx); err != nil {
		x.close()
		return nil, err
	}
	return x, nil
}

func (x *examination) setUp(ctx context.Context) (err error) {
	if err := x.Options.CheckFolder(x.folder); err != nil {
		return err
	}
	if x.Session, err = session.Open(x.Options.Options, x.note); err != nil {
		return err
	}
	x.config = x.newConfig()
	before, err := earlier(x.folder, x.config)
	if err != nil {
		return err
	}
	var decided []session.ModelConfig
	if before != nil {
		decided = before.Models
	}
	if err := x.OpenModels(ctx, x.Engine, x.batch(), decided); err != nil {
		return err
	}
	if err := x.seat(ctx); err != nil {
		return err
	}
	x.plan = plan{stimuli: len(x.Stimuli), conditions: len(x.Conditions), observers: len(x.subjects), block: x.blockSize(), shard: x.Options.Shard}
	if x.plan.trials() == 0 {
		return fmt.Errorf("corruption: shard %s of %d images in blocks of %d has nothing to show: make fewer shards, or smaller blocks with --batch",
			x.Options.Shard, len(x.Stimuli), x.plan.block)
	}
	x.config.Models, x.config.Warnings = x.Decided, x.Warnings
	if before != nil {
		x.config.Warnings = before.Warnings
	}
	return nil
}

// begin makes the result folder with its config.yaml.
func (x *examination) begin() error { return result.Begin(x.folder, x.config) }

// largestBlock bounds the images in memory where a model fixes its batch.
const largestBlock = 256

// blockSize is the largest batch of a model, within reason, so that each condition of a block is one run of it. Where models adapt to blocks
// these are made nearly equal, none larger, since a small rest would be a poor sample.
func (x *examination) blockSize() int {
	size := x.batch()
	for _, m := range x.Models {
		if m.Batch() <= largestBlock {
			size = max(size, m.Batch())
		}
	}
	if !x.adapts() {
		return size
	}
	blocks := (len(x.Stimuli) + size - 1) / size
	return (len(x.Stimuli) + blocks - 1) / blocks
}

func (x *examination) batch() int {
	if x.Options.Batch > 0 {
		return x.Options.Batch
	}
	if x.adapts() {
		return 32 // "32 samples are enough" (Schneider et al. 2020)
	}
	return 16 // larger ones gain nothing on CPUs and cost memory
}
