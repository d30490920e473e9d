package corrupt

import "math"

// tailStart is where the ziggurat of 256 layers of equal area hands over to the tail (Marsaglia & Tsang 2000).
const tailStart = 3.6541528853610088

var ziggurat = newZiggurat()

// layers holds the ziggurat: a 53-bit signed integer j of layer i is accepted at once where |j| < inside[i], and stands for j·width[i].
type layers struct {
	inside [256]uint64
	width  [256]float64
	edge   [257]float64 // x of each layer's right end, falling to 0
	height [257]float64 // exp(−x²/2) there
}

func newZiggurat() *layers {
	z := new(layers)
	density := func(x float64) float64 { return math.Exp(-x * x / 2) }
	area := tailStart*density(tailStart) + math.Sqrt(math.Pi/2)*math.Erfc(tailStart/math.Sqrt2)
	z.edge[0], z.edge[1] = area/density(tailStart), tailStart
	for i := 2; i < 256; i++ {
		z.edge[i] = math.Sqrt(-2 * math.Log(area/z.edge[i-1]+density(z.edge[i-1])))
	}
	for i := range z.edge {
		z.height[i] = density(z.edge[i])
	}
	for i := range z.inside {
		z.inside[i] = uint64(z.edge[i+1] / z.edge[i] * 0x1p52)
		z.width[i] = z.edge[i] * 0x1p-52
	}
	return z
}

// Normal fills dst by the ziggurat method, which is exact. Index and magnitude use different bits of a word (Doornik 2005).
func (s *Source) Normal(dst []float64) {
	z := ziggurat
	for len(dst) > 0 {
		words := s.next(len(dst))
		n := len(words)
		for i, word := range words {
			j, layer := int64(word)>>11, uint8(word)
			if uint64(j^j>>63) >= z.inside[layer] {
				n = i
				break
			}
			dst[i] = float64(j) * z.width[layer]
		}
		s.at += n
		if n < len(words) {
			word := words[n]
			s.at++
			dst[n] = s.outside(int64(word)>>11, uint8(word))
			n++
		}
		dst = dst[n:]
	}
}

// outside finishes a draw that fell between a layer's rectangle and the curve, or into the tail; it draws anew where rejected.
func (s *Source) outside(j int64, layer uint8) float64 {
	z := ziggurat
	for {
		x := float64(j) * z.width[layer]
		switch {
		case uint64(j^j>>63) < z.inside[layer]:
			return x
		case layer == 0:
			return math.Copysign(s.tail(), x)
		case z.height[layer]+s.uniform()*(z.height[layer+1]-z.height[layer]) < math.Exp(-x*x/2):
			return x
		}
		word := s.Uint64()
		j, layer = int64(word)>>11, uint8(word)
	}
}

// tail draws from the normal law beyond tailStart (Marsaglia 1964).
func (s *Source) tail() float64 {
	for {
		x := -math.Log(1-s.uniform()) / tailStart
		y := -math.Log(1 - s.uniform())
		if 2*y > x*x {
			return tailStart + x
		}
	}
}
