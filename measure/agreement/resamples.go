package agreement

import (
	"math/rand/v2"
	"runtime"
	"sync"

	"visus/measure/bootstrap"
)

// Resamples holds every pair of several observers in bootstrap resamples of the stimuli. All pairs see the same resamples, so that their
// differences are paired: see bootstrap.Sample. Its memory is 4 bytes for each pair and resample.
type Resamples struct {
	data    *Matrix
	stimuli int
	correct [][]int32 // [observer, resample]
	both    [][]int32 // [pair, resample]
}

// Resample draws the stimuli with replacement, as bootstrap.Resample does; of one stimulus it makes no resamples, since that says nothing of
// how stimuli differ. To resample a data set of several conditions, draw each for itself and average the samples (bootstrap.Average): their
// numbers of stimuli were fixed by design. It reports an error as NewMatrix, and for impossible options.
func Resample(observers []Answers, random *rand.Rand, o bootstrap.Options) (*Resamples, error) {
	data, err := NewMatrix(observers)
	if err != nil {
		return nil, err
	}
	if o.Resamples == 0 {
		o.Resamples = bootstrap.DefaultResamples
	}
	r := &Resamples{data: data, stimuli: observers[0].stimuli}
	size := max(0, o.Resamples)
	if r.stimuli == 1 {
		size = 0
	}
	r.correct, r.both = table(len(observers), size), table(len(data.pairs), size)
	err = bootstrap.Resample(r.stimuli, random, o, func() func(int, []int) {
		worker := &counter{observers: observers, weighted: make([][][]uint64, len(observers))}
		return func(resample int, counts []int) {
			if size > 0 {
				worker.draw(counts)
				worker.count(r, resample)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

func table(rows, columns int) [][]int32 {
	t := make([][]int32, rows)
	flat := make([]int32, rows*columns)
	for i := range t {
		t[i] = flat[i*columns : (i+1)*columns : (i+1)*columns]
	}
	return t
}

// counter counts right answers in a resample 64 stimuli at a time: how often each stimulus was drawn is written in binary, one plane of bits
// for each digit, and Σ counts·[both right] = Σ_d 2^d · popcount(plane_d & first & second).
type counter struct {
	observers []Answers
	planes    [][]uint64
	weighted  [][][]uint64 // [observer, digit, word]: the planes where the observer is right
}

func (c *counter) draw(counts []int) {
	for _, plane := range c.planes {
		clear(plane)
	}
	for i, n := range counts {
		for digit := 0; n>>digit > 0; digit++ {
			c.grow(digit + 1)
			c.planes[digit][i/64] |= uint64(n>>digit&1) << (i % 64)
		}
	}
	for k, a := range c.observers {
		for digit, plane := range c.planes {
			for w, word := range plane {
				c.weighted[k][digit][w] = word & a.right[w]
			}
		}
	}
}

func (c *counter) grow(digits int) {
	if len(c.planes) >= digits {
		return
	}
	words := len(c.observers[0].right)
	c.planes = append(c.planes, make([]uint64, words))
	for k := range c.weighted {
		c.weighted[k] = append(c.weighted[k], make([]uint64, words))
	}
}

func (c *counter) count(r *Resamples, resample int) {
	pair := 0
	for i := range c.observers {
		for j := i; j < len(c.observers); j++ {
			n := 0
			for digit, plane := range c.weighted[i] {
				n += bothRight(plane, c.observers[j].right) << digit
			}
			r.both[pair][resample] = int32(n)
			if i == j {
				r.correct[i][resample] = int32(n)
			}
			pair++
		}
	}
}

// Matrix returns the pairs in the data themselves.
func (r *Resamples) Matrix() *Matrix { return r.data }

// Of returns a measure of two observers.
func (r *Resamples) Of(first, second int, measure func(Pair) float64) bootstrap.Sample {
	s := bootstrap.Sample{Value: measure(r.data.At(first, second)), Resampled: make([]float64, r.size())}
	r.values(first, second, measure, s.Resampled)
	return s
}

func (r *Resamples) size() int { return len(r.correct[0]) }

// values writes the measure in every resample.
func (r *Resamples) values(first, second int, measure func(Pair) float64, into []float64) {
	both := r.both[position(r.data.observers, min(first, second), max(first, second))]
	a, b := r.correct[first], r.correct[second]
	for i := range into {
		into[i] = measure(pairOf(r.stimuli, int(a[i]), int(b[i]), int(both[i])))
	}
}

// Intervals returns a symmetric measure of all pairs with its percentile intervals, [observer, observer], as bootstrap.Sample.Interval. It
// computes on all cores.
func (r *Resamples) Intervals(measure func(Pair) float64, level float64) ([][]bootstrap.Interval, error) {
	if _, err := (bootstrap.Sample{}).Interval(level); err != nil {
		return nil, err
	}
	n := r.data.observers
	intervals := make([][]bootstrap.Interval, n)
	for i := range intervals {
		intervals[i] = make([]bootstrap.Interval, n)
	}
	var workers sync.WaitGroup
	cores := runtime.GOMAXPROCS(0)
	for w := range cores {
		workers.Go(func() {
			for i := w; i < n; i += cores {
				for j := range i + 1 {
					interval, _ := r.Of(i, j, measure).Interval(level) // the level was checked above
					intervals[i][j], intervals[j][i] = interval, interval
				}
			}
		})
	}
	workers.Wait()
	return intervals, nil
}

// Average returns the mean of a measure over pairs of observers, such as all pairs of one kind of model and another. It is NaN for no pairs.
// Observers are not resampled: see Persons.
func (r *Resamples) Average(pairs [][2]int, measure func(Pair) float64) bootstrap.Sample {
	return r.weighted(pairs, measure, func(int, int) float64 { return 1 })
}

// weighted averages over pairs; pair k weighs weight(k, i) in resample i.
func (r *Resamples) weighted(pairs [][2]int, measure func(Pair) float64, weight func(pair, resample int) float64) bootstrap.Sample {
	values := make([]float64, r.size())
	sums, weights := make([]float64, r.size()), make([]float64, r.size())
	value := 0.0
	for k, p := range pairs {
		value += measure(r.data.At(p[0], p[1]))
		r.values(p[0], p[1], measure, values)
		for i, v := range values {
			sums[i] += weight(k, i) * v
			weights[i] += weight(k, i)
		}
	}
	for i := range sums {
		sums[i] /= weights[i]
	}
	return bootstrap.Sample{Value: value / float64(len(pairs)), Resampled: sums}
}
