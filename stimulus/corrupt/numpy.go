package corrupt

import "math"

// NumPySource replays NumPy's legacy generator: after numpy.random.seed(k) the reference draws what NewNumPySource(k) gives.
// MT19937 (Matsumoto & Nishimura 1998) with NumPy's ways of making numbers of its words.
type NumPySource struct {
	state  [624]uint32
	at     int
	spare  float64 // the second normal of a pair
	paired bool
}

// NewNumPySource returns the generator that numpy.random.seed(seed) leaves behind.
func NewNumPySource(seed uint32) *NumPySource {
	s := new(NumPySource)
	s.state[0] = seed
	for i := 1; i < len(s.state); i++ {
		s.state[i] = 1812433253*(s.state[i-1]^s.state[i-1]>>30) + uint32(i)
	}
	s.at = len(s.state)
	return s
}

// Uint32 returns the next word.
func (s *NumPySource) Uint32() uint32 {
	if s.at == len(s.state) {
		s.twist()
	}
	y := s.state[s.at]
	s.at++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

func (s *NumPySource) twist() {
	const n, m = 624, 397
	for i := range s.state {
		y := s.state[i]&0x80000000 | s.state[(i+1)%n]&0x7fffffff
		s.state[i] = s.state[(i+m)%n] ^ y>>1 ^ (y&1)*0x9908b0df
	}
	s.at = 0
}

func (s *NumPySource) uniform() float64 {
	a, b := s.Uint32()>>5, s.Uint32()>>6
	return (float64(a)*(1<<26) + float64(b)) / (1 << 53)
}

// Uniform is random_sample.
func (s *NumPySource) Uniform(dst []float64) {
	for i := range dst {
		dst[i] = s.uniform()
	}
}

// Normal is standard_normal: Marsaglia's polar method, whose second number waits for the next draw.
func (s *NumPySource) Normal(dst []float64) {
	for i := range dst {
		dst[i] = s.normal()
	}
}

func (s *NumPySource) normal() float64 {
	if s.paired {
		s.paired = false
		return s.spare
	}
	for {
		a := 2*s.uniform() - 1
		b := 2*s.uniform() - 1
		if q := float64(a*a) + float64(b*b); q < 1 && q != 0 {
			f := math.Sqrt(-2 * logarithm(q) / q)
			s.spare, s.paired = f*a, true
			return f * b
		}
	}
}

// Integers is randint(low, high): words cut to the bits of the range, those beyond it rejected.
func (s *NumPySource) Integers(dst []int32, low, high int) {
	most := uint32(high - 1 - low)
	mask := most
	for shift := 1; shift < 32; shift *= 2 {
		mask |= mask >> shift
	}
	for i := range dst {
		value := uint32(0)
		if most > 0 {
			for value = s.Uint32() & mask; value > most; {
				value = s.Uint32() & mask
			}
		}
		dst[i] = int32(low + int(value))
	}
}

// Poisson is poisson(mean) for each value in turn.
func (s *NumPySource) Poisson(dst []float64, means *[256]float64, level []uint8) {
	for i, l := range level[:len(dst)] {
		switch mean := means[l]; {
		case mean >= 10:
			dst[i] = s.rejectedPoisson(mean)
		case mean > 0:
			dst[i] = s.multipliedPoisson(mean)
		default:
			dst[i] = 0
		}
	}
}

// multipliedPoisson counts the uniforms whose product stays above exp(−mean) (Knuth).
func (s *NumPySource) multipliedPoisson(mean float64) float64 {
	limit := math.Exp(-mean)
	count := 0.0
	for product := s.uniform(); product > limit; product *= s.uniform() {
		count++
	}
	return count
}

// rejectedPoisson is Hörmann's transformed rejection PTRS (1993); the constants are the paper's.
func (s *NumPySource) rejectedPoisson(mean float64) float64 {
	logMean := math.Log(mean)
	b := 0.931 + 2.53*math.Sqrt(mean)
	a := -0.059 + 0.02483*b
	inverseAlpha := 1.1239 + 1.1328/(b-3.4)
	accept := 0.9277 - 3.6224/(b-2)
	for {
		u := s.uniform() - 0.5
		v := s.uniform()
		us := 0.5 - math.Abs(u)
		k := math.Floor((2*a/us+b)*u + mean + 0.43)
		if us >= 0.07 && v <= accept {
			return k
		}
		if k < 0 || us < 0.013 && v > us {
			continue
		}
		logGamma, _ := math.Lgamma(k + 1)
		if math.Log(v)+math.Log(inverseAlpha)-math.Log(a/(us*us)+b) <= -mean+k*logMean-logGamma {
			return k
		}
	}
}

// logarithm is math.Log rounded to the nearest number in all but a few cases in a thousand, as the C library's is, so that normals agree
// to their last bit. x must be positive and normal.
func logarithm(x float64) float64 {
	fraction, exponent := math.Frexp(x)
	if fraction < math.Sqrt2/2 {
		fraction, exponent = 2*fraction, exponent-1
	}
	// ln f = 2·artanh s with s = (f − 1)/(f + 1) in two parts; the series' first term keeps both.
	top, bottom := fraction-1, fraction+1
	bottomRest := fraction - (bottom - 1)
	s := top / bottom
	rest := (math.FMA(-s, bottom, top) - s*bottomRest) / bottom
	square := s * s
	series := 0.0
	for n := 25; n >= 3; n -= 2 { // s ≤ 0.172, so that terms beyond s²⁵/25 are below 2⁻⁶⁴
		series = (series + 1/float64(n)) * square
	}
	const ln2High, ln2Low = 0x1.62e42fefa38p-1, 0x1.ef35793c7673p-45 // ln 2, the first part with room for a product by the exponent
	high := float64(exponent) * ln2High
	sum := high + 2*s
	lost := 2*s - (sum - high) // exact, as high is 0 or the larger
	if exponent == 0 {
		lost = 0
	}
	return sum + (lost + float64(exponent)*ln2Low + 2*rest + 2*s*series)
}
