package corrupt

import "math"

// tailStart is where the ziggurat of 256 layers of equal area hands over to the tail (Marsaglia & Tsang 2000).
const tailStart = 3.6541528853610088

var ziggurat = newZiggurat()

// layers holds the ziggurat.
type layers struct {
	fast   [256]layer
	edge   [257]float64 // x of each layer's right end, falling to 0
	height [257]float64 // exp(−x²/2) there
}

// layer maps signed integers j of 53 bits to numbers j·width, which are accepted at once where |j| < inside.
type layer struct {
	inside uint64
	width  float64
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
	for i := range z.fast {
		z.fast[i] = layer{uint64(z.edge[i+1] / z.edge[i] * 0x1p52), z.edge[i] * 0x1p-52}
	}
	return z
}

// Normal fills dst by the ziggurat method, which is exact. Index and magnitude use different bits of a word (Doornik 2005).
func (s *Source) Normal(dst []float64) {
	z := ziggurat
	for len(dst) > 0 {
		words := s.next(len(dst))
		n := len(words)
		out := dst[:n]
		for i, word := range words {
			j, layer := int64(word)>>11, &z.fast[uint8(word)]
			if uint64(j^j>>63) >= layer.inside {
				n = i
				break
			}
			out[i] = float64(j) * layer.width
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
		x := float64(j) * z.fast[layer].width
		switch {
		case uint64(j^j>>63) < z.fast[layer].inside:
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
