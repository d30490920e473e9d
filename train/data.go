package train

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"visus/graph"
	"visus/graph/nn"
	"visus/tensor"
)

// Data is a set of items that batches are made of. Implementations are safe for concurrent use.
type Data interface {
	// Len is the number of items.
	Len() int
	// Filler returns what one goroutine fills batches with; memory that it needs for that is its own.
	Filler() (Filler, error)
}

// Filler writes an item into a row of a batch: one tensor for each input of the graph that the loop does not feed itself (state, learning
// rate and masks), in the graph's order. The seed is of the item's own random stream in this epoch: whatever is random must come from it.
type Filler func(batch []*tensor.Tensor, row, item int, seed uint64) error

// Kinds of random streams: the first word of their seeds.
const (
	streamOrder uint64 = iota + 1
	streamItem
	streamMask
)

// stream makes a seed of the words, each of which changes it throughout (SplitMix64's finaliser, Steele et al. 2014).
func stream(words ...uint64) uint64 {
	h := uint64(0)
	for _, w := range words {
		h = h*0x9e3779b97f4a7c15 + w + 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// loader prepares batches one ahead of the step that runs.
type loader struct {
	data    Data
	inputs  []graph.Value // what data fills
	masks   []nn.Mask
	rows    int
	seed    uint64
	workers int
}

// batch is one step's inputs: those of the data, then the masks.
type batch struct {
	tensors []*tensor.Tensor
	err     error
}

// ahead is how many batches lie ready or are being filled while one is used.
const ahead = 2

// load prepares the batches of the steps first..last-1, in order. items says which items a step shows and the epoch whose streams they
// have. Each batch goes back through release; stop ends the work and waits for it.
func (l loader) load(first, last int, items func(step int) (items []int, epoch int)) (
	batches <-chan *batch, release func(*batch), stop func(), err error,
) {
	fillers := make([]Filler, cmp.Or(l.workers, runtime.GOMAXPROCS(0)))
	for i := range fillers {
		if fillers[i], err = l.data.Filler(); err != nil {
			return nil, nil, nil, err
		}
	}
	free, ready := make(chan *batch, ahead+1), make(chan *batch, ahead+1)
	for range ahead + 1 {
		free <- &batch{tensors: l.tensors()}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() {
		defer close(ready)
		for step := first; step < last; step++ {
			var b *batch
			select {
			case b = <-free:
			case <-ctx.Done():
				return
			}
			list, epoch := items(step)
			b.err = l.fill(ctx, fillers, b.tensors, list, epoch, step)
			ready <- b // there is room for all
			if b.err != nil {
				return
			}
		}
	})
	return ready, func(b *batch) { free <- b }, func() { cancel(); wait.Wait() }, nil
}

func (l loader) tensors() []*tensor.Tensor {
	var out []*tensor.Tensor
	for _, v := range l.inputs {
		shape, _ := v.Sizes()
		out = append(out, tensor.New(v.Type, shape...))
	}
	for _, m := range l.masks {
		shape, _ := m.Input.Sizes()
		out = append(out, tensor.New(tensor.Float32, shape...))
	}
	return out
}

// fill shares the rows and masks of a batch among the workers. What each draws depends on its place alone. The first failing row's error is returned.
func (l loader) fill(ctx context.Context, fillers []Filler, tensors []*tensor.Tensor, items []int, epoch, step int) error {
	given, masks := tensors[:len(l.inputs)], tensors[len(l.inputs):]
	var next atomic.Int64
	var wait sync.WaitGroup
	var mu sync.Mutex
	failedRow, failure := l.rows, error(nil)
	one := func(fill Filler, at int) error {
		if at >= l.rows {
			k := at - l.rows
			return l.masks[k].Draw(rand.New(rand.NewPCG(stream(l.seed, streamMask, uint64(step)), uint64(k))), masks[k])
		}
		if err := fill(given, at, items[at], stream(l.seed, streamItem, uint64(epoch), uint64(items[at]))); err != nil {
			return fmt.Errorf("item %d: %w", items[at], err)
		}
		return nil
	}
	for _, fill := range fillers {
		wait.Go(func() {
			for ctx.Err() == nil {
				at := int(next.Add(1)) - 1
				if at >= l.rows+len(masks) {
					return
				}
				err := one(fill, at)
				if err == nil {
					continue
				}
				mu.Lock()
				if at <= failedRow {
					failedRow, failure = at, err
				}
				mu.Unlock()
				return
			}
		})
	}
	wait.Wait()
	return failure
}

// shuffle walks the items in batches, in an order of its own each epoch. The items that are left over of an epoch, fewer than a batch, are
// not shown in it.
type shuffle struct {
	items, rows int
	seed        uint64
	epoch       int
	order       []int // of the epoch
}

func (s *shuffle) steps() int { return s.items / s.rows } // of an epoch

// at returns the items of a step; valid until the next call.
func (s *shuffle) at(step int) (items []int, epoch int) {
	epoch = step / s.steps()
	if s.order == nil || epoch != s.epoch {
		s.epoch = epoch
		s.order = rand.New(rand.NewPCG(stream(s.seed, streamOrder, uint64(epoch)), 0)).Perm(s.items)
	}
	from := step % s.steps() * s.rows
	return s.order[from : from+s.rows], epoch
}
