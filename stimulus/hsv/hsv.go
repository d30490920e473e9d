// Package hsv converts colors between red, green, blue and hue, saturation, value, as scikit-image does.
package hsv

import "math"

// FromRGB returns hue in [0, 1), saturation in [0, 1] and value of a color whose channels are in [0, 1].
// Value is the largest channel, saturation (largest − smallest)/largest. Grey has hue and saturation 0. Where several channels are
// largest, the later of red, green, blue decides the hue.
func FromRGB(r, g, b float64) (h, s, v float64) {
	v = r
	sector := 0
	if g >= v {
		v, sector = g, 1
	}
	if b >= v {
		v, sector = b, 2
	}
	delta := v - min(r, g, b)
	if delta == 0 {
		return 0, 0, v
	}
	switch sector {
	case 0:
		h = (g - b) / delta
	case 1:
		h = 2 + (b-r)/delta
	default:
		h = 4 + (r-g)/delta
	}
	h /= 6
	if h < 0 {
		h++
	}
	if h >= 1 { // the sum of 1 and a tiny negative hue
		h = 0
	}
	return h, delta / v, v
}

// ToRGB is the inverse of FromRGB. Channels lie in [0, v] where s is in [0, 1].
func ToRGB(h, s, v float64) (r, g, b float64) {
	sextant := math.Floor(6 * h)
	f := 6*h - sextant
	p, q, t := v*(1-s), v*(1-float64(f*s)), v*(1-float64((1-f)*s))
	switch int(sextant) % 6 {
	case 0:
		return v, t, p
	case 1:
		return q, v, p
	case 2:
		return p, v, t
	case 3:
		return p, q, v
	case 4:
		return t, p, v
	default:
		return v, p, q
	}
}
