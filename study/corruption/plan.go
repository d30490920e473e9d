package corruption

import "fmt"

// plan knows the order of all trials. Stimuli are shown in blocks: a block under the clean condition first, then under every corruption.
// Trials lie in the order of blocks, conditions, stimuli, observers, so that the beginning of the table is a complete examination of fewer
// images, and shards, which take blocks in turn, are put together by taking blocks in turn.
type plan struct {
	stimuli, conditions, observers int
	block                          int // stimuli of a block
	shard                          Shard
}

// step is one condition of one block: what is shown and recorded at a time.
type step struct {
	block, condition int
	first, count     int // stimuli [first, first+count) of the plan
}

func (p plan) blocks() int { return (p.stimuli + p.block - 1) / p.block }

// blockSize returns the number of stimuli in a block.
func (p plan) blockSize(block int) int { return min(p.block, p.stimuli-block*p.block) }

// shardBlocks returns the number of this shard's blocks.
func (p plan) shardBlocks() int {
	if p.shard.Whole() {
		return p.blocks()
	}
	return (p.blocks() - p.shard.Index + p.shard.Count) / p.shard.Count
}

// stepCount returns the number of this shard's steps.
func (p plan) stepCount() int { return p.shardBlocks() * p.conditions }

// step returns this shard's step of that number, from 0.
func (p plan) step(i int) step {
	block := i / p.conditions
	if !p.shard.Whole() {
		block = block*p.shard.Count + p.shard.Index - 1
	}
	return step{block, i % p.conditions, block * p.block, p.blockSize(block)}
}

// place returns where a stimulus of a step stands among this shard's stimuli.
func (p plan) place(s step, k int) int {
	if p.shard.Whole() {
		return s.first + k
	}
	return s.block/p.shard.Count*p.block + k
}

// shown returns the number of this shard's stimuli.
func (p plan) shown() int {
	n := 0
	for b := range p.blocks() {
		if p.shard.owns(b) {
			n += p.blockSize(b)
		}
	}
	return n
}

// rows returns the number of trials of a step.
func (p plan) rows(s step) int { return s.count * p.observers }

// trials returns the number of this shard's trials.
func (p plan) trials() int { return p.shown() * p.conditions * p.observers }

// number returns the trial number, from 1, of a stimulus of a step: every observer sees the stimuli in the same order, whatever the shard.
func (p plan) number(s step, k int) int {
	return s.first*p.conditions + s.condition*s.count + k + 1
}

// ParseShard reads "2/8".
func ParseShard(text string) (Shard, error) {
	var s Shard
	if text == "" {
		return s, nil
	}
	if n, err := fmt.Sscanf(text, "%d/%d", &s.Index, &s.Count); n != 2 || err != nil || s.Count < 1 || s.Index < 1 || s.Index > s.Count || s.String() != text {
		return Shard{}, fmt.Errorf("shard %q is not i/n with 1 ≤ i ≤ n, such as 2/8", text)
	}
	return s, nil
}
