package corrupt

import (
	"hash/fnv"
	"math/bits"

	"visus/internal/vec"
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

// Source is the generator for production: eight interleaved streams of xoshiro256++, read in bulk. It is a source of math/rand/v2, too.
// It keeps the tables that Poisson needs, which serve every seed: use one Source a goroutine and Reset it for each image.
type Source struct {
	generator vec.Xoshiro
	words     [512]uint64
	at        int            // the next unread word
	photon    []*photonTable // the last few means seen
}

// NewSource returns a source at the start of the seed's stream.
func NewSource(seed uint64) *Source {
	s := new(Source)
	s.Reset(seed)
	return s
}

// Reset returns to the start of the seed's stream.
func (s *Source) Reset(seed uint64) {
	for word := range s.generator {
		for lane := range s.generator[word] {
			seed += 0x9e3779b97f4a7c15
			s.generator[word][lane] = mix(seed)
		}
	}
	s.at = len(s.words)
}

// Uint64 returns the next 64 bits.
func (s *Source) Uint64() uint64 {
	word := s.next(1)[0]
	s.at++
	return word
}

// next returns between 1 and n unread words without marking them as read.
func (s *Source) next(n int) []uint64 {
	if s.at == len(s.words) {
		s.generator.Fill(s.words[:])
		s.at = 0
	}
	return s.words[s.at:min(len(s.words), s.at+n)]
}

// Uniform fills dst with multiples of 2⁻⁵² in [0, 1).
func (s *Source) Uniform(dst []float64) {
	for len(dst) > 0 {
		words := s.next(len(dst))
		vec.Unit(dst[:len(words)], words)
		s.at += len(words)
		dst = dst[len(words):]
	}
}

// Integers fills dst by the multiply-shift method with rejection (Lemire 2019): every value is exactly equally likely.
func (s *Source) Integers(dst []int32, low, high int) {
	n := uint64(high - low)
	reject := -n % n
	for i := 0; i < len(dst); {
		words := s.next(len(dst) - i)
		s.at += len(words)
		for _, word := range words {
			value, rest := bits.Mul64(word, n)
			if rest >= reject {
				dst[i] = int32(low + int(value))
				i++
			}
		}
	}
}

// Poisson fills dst by the alias method.
func (s *Source) Poisson(dst []float64, means *[256]float64, level []uint8) {
	t := s.photons(means)
	level = level[:len(dst)]
	for len(dst) > 0 {
		words := s.next(len(dst))
		for i, word := range words {
			dst[i] = t.count(level[i], word)
		}
		s.at += len(words)
		dst, level = dst[len(words):], level[len(words):]
	}
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
