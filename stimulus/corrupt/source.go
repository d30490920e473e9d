package corrupt

import (
	"hash/fnv"
	"math/bits"
)

// Seed derives the seed of one corrupted image, so that results do not depend on the order in which workers take the images.
func Seed(seed uint64, corruption string, severity, imageIndex int) uint64 {
	h := fnv.New64a()
	h.Write([]byte(corruption))
	for _, part := range []uint64{h.Sum64(), uint64(severity), uint64(imageIndex)} {
		seed = mix(seed + part)
	}
	return seed
}

// mix is the finaliser of SplitMix64 (Steele, Lea & Flood 2014) after one step of its sequence: a bijection without visible structure.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Source is the generator for production: xoshiro256++ (Blackman & Vigna 2021), read in bulk. It is a source of math/rand/v2, too.
// It keeps the tables that Poisson needs, which serve every seed: use one Source a goroutine and Reset it for each image.
type Source struct {
	state  [4]uint64
	photon []*photonTable // the last few means seen
}

// NewSource returns a source at the start of the seed's stream.
func NewSource(seed uint64) *Source {
	s := new(Source)
	s.Reset(seed)
	return s
}

// Reset returns to the start of the seed's stream.
func (s *Source) Reset(seed uint64) {
	for i := range s.state {
		s.state[i] = mix(seed + uint64(i)*0x9e3779b97f4a7c15)
	}
}

// Uint64 returns the next 64 bits.
func (s *Source) Uint64() uint64 {
	word, a, b, c, d := xoshiro(s.state[0], s.state[1], s.state[2], s.state[3])
	s.state = [4]uint64{a, b, c, d}
	return word
}

// xoshiro is one step of xoshiro256++. Loops over it keep the state in registers.
func xoshiro(a, b, c, d uint64) (word, a1, b1, c1, d1 uint64) {
	word = bits.RotateLeft64(a+d, 23) + a
	shifted := b << 17
	c ^= a
	d ^= b
	b ^= c
	a ^= d
	return word, a, b, c ^ shifted, bits.RotateLeft64(d, 45)
}

// Uniform fills dst with multiples of 2⁻⁵³ in [0, 1).
func (s *Source) Uniform(dst []float64) {
	a, b, c, d := s.state[0], s.state[1], s.state[2], s.state[3]
	var word uint64
	for i := range dst {
		word, a, b, c, d = xoshiro(a, b, c, d)
		dst[i] = float64(word>>11) * 0x1p-53
	}
	s.state = [4]uint64{a, b, c, d}
}

// Integers fills dst by the multiply-shift method with rejection (Lemire 2019): every value is exactly equally likely.
func (s *Source) Integers(dst []int32, low, high int) {
	n := uint64(high - low)
	reject := -n % n
	for i := range dst {
		value, rest := bits.Mul64(s.Uint64(), n)
		for rest < reject {
			value, rest = bits.Mul64(s.Uint64(), n)
		}
		dst[i] = int32(low + int(value))
	}
}

// Poisson fills dst by the alias method.
func (s *Source) Poisson(dst []float64, means *[256]float64, level []uint8) {
	t := s.photons(means)
	a, b, c, d := s.state[0], s.state[1], s.state[2], s.state[3]
	var word uint64
	for i, l := range level[:len(dst)] {
		word, a, b, c, d = xoshiro(a, b, c, d)
		dst[i] = t.count(l, word)
	}
	s.state = [4]uint64{a, b, c, d}
}

// mostTables bounds the memory of a Source: the severities of one parameter set.
const mostTables = Severities

func (s *Source) photons(means *[256]float64) *photonTable {
	for _, t := range s.photon {
		if t.means == *means {
			return t
		}
	}
	if len(s.photon) == mostTables {
		s.photon = append(s.photon[:0], s.photon[1:]...)
	}
	t := newPhotonTable(means)
	s.photon = append(s.photon, t)
	return t
}

func (s *Source) uniform() float64 { return float64(s.Uint64()>>11) * 0x1p-53 }
