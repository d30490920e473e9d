package corrupt

import "math"

// photonTable samples 256 Poisson laws by Walker's alias method: a law is a row of columns, a power of two in number; each column belongs to
// one count up to a share and to an alias beyond it. One 64-bit word picks the column with its upper bits and the side with the rest.
type photonTable struct {
	means   [256]float64
	first   [256]int32 // where a law's columns start
	shift   [256]uint8 // 64 − log2 of the number of columns
	lowest  [256]float64
	columns []uint64 // share of 48 bits above 16 bits of alias
}

// negligible is the probability below which a count is left out: 2⁻⁶⁴ is less than a word can choose.
const negligible = 0x1p-64

func newPhotonTable(means *[256]float64) *photonTable {
	t := &photonTable{means: *means}
	for l, mean := range means {
		lowest, weights := poissonWeights(mean)
		t.first[l], t.lowest[l] = int32(len(t.columns)), float64(lowest)
		size, log := 1, 0
		for size < len(weights) {
			size, log = 2*size, log+1
		}
		t.shift[l] = uint8(64 - log)
		t.columns = append(t.columns, aliases(weights, size)...)
	}
	return t
}

// count maps a random word to a count of the level's law.
func (t *photonTable) count(level uint8, word uint64) float64 {
	shift := t.shift[level]
	column := word >> shift // 0 where shift is 64
	entry := t.columns[uint64(t.first[level])+column]
	alias := entry & 0xffff
	if word<<(64-shift) >= entry&^0xffff {
		column = alias
	}
	return t.lowest[level] + float64(column)
}

// poissonWeights returns the probabilities of the counts lowest, lowest+1, ... outside of which they are negligible; they sum to 1.
func poissonWeights(mean float64) (lowest int, weights []float64) {
	if mean == 0 {
		return 0, []float64{1}
	}
	mode := int(mean)
	logGamma, _ := math.Lgamma(float64(mode) + 1)
	peak := math.Exp(float64(mode)*math.Log(mean) - mean - logGamma)
	lowest = mode
	below := []float64{}
	for p := peak; lowest > 0; lowest-- {
		if p *= float64(lowest) / mean; p < negligible {
			break
		}
		below = append(below, p)
	}
	for i := len(below) - 1; i >= 0; i-- {
		weights = append(weights, below[i])
	}
	for k, p := mode, peak; p >= negligible || k == mode; {
		weights = append(weights, p)
		k++
		p *= mean / float64(k)
	}
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	for i := range weights {
		weights[i] /= sum
	}
	return lowest, weights
}

// aliases builds the columns of a law by Vose's method.
func aliases(weights []float64, size int) []uint64 {
	share, alias := make([]float64, size), make([]uint64, size)
	var small, large []int
	for i := range share {
		if i < len(weights) {
			share[i] = weights[i] * float64(size)
		}
		if share[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		alias[s] = uint64(l)
		if share[l] -= 1 - share[s]; share[l] < 1 {
			large, small = large[:len(large)-1], append(small, l)
		}
	}
	columns := make([]uint64, size)
	for _, full := range [][]int{small, large} { // what rounding left over
		for _, i := range full {
			share[i], alias[i] = 1, uint64(i)
		}
	}
	for i := range columns {
		columns[i] = uint64(min(share[i]*0x1p48, 0x1p48-1))<<16 | alias[i]
	}
	return columns
}
