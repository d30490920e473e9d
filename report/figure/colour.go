package figure

import (
	"image/color"
	"math"
	"strconv"
)

// Series are the colours of curves and bars, in order of use: each has a contrast of at least 4.5 to white. Curves differ in
// dashes and bars in order as well, so that no figure is read by hue alone.
var series = [...]color.NRGBA{
	{0x0b, 0x62, 0xa8, 0xff}, {0xb8, 0x48, 0x0a, 0xff}, {0x00, 0x73, 0x5a, 0xff}, {0x95, 0x38, 0x7a, 0xff},
	{0x7d, 0x60, 0x00, 0xff}, {0x4b, 0x55, 0x63, 0xff}, {0x00, 0x6c, 0x7a, 0xff}, {0xb3, 0x16, 0x3d, 0xff},
}

// The remaining roles of colour in a figure. None is pure black, which SVG leaves unwritten.
var (
	ink   = color.NRGBA{0x1c, 0x23, 0x2b, 0xff} // text and axes
	faint = color.NRGBA{0xdd, 0xe1, 0xe6, 0xff} // grid lines
	muted = color.NRGBA{0x7a, 0x84, 0x90, 0xff} // reference lines
	paper = color.NRGBA{0xff, 0xff, 0xff, 0xff} // background of a file
)

// SeriesColour is the colour of the i-th series on a light background; colours repeat after eight.
func SeriesColour(i int) color.NRGBA { return series[i%len(series)] }

// Sequential maps 0..1 to a colour from pale yellow to dark blue whose lightness falls in equal steps, so that equal
// differences look equal, in grey and to colour-blind readers too. Values outside are clipped; NaN is a neutral grey.
func Sequential(t float64) color.NRGBA {
	if math.IsNaN(t) {
		return color.NRGBA{0xe4, 0xe4, 0xe4, 0xff}
	}
	t = min(max(t, 0), 1)
	return oklch(0.975-0.63*t, 0.045+0.10*math.Sin(math.Pi*min(t*1.15, 0.93)), 100+168*t)
}

// SequentialDark is Sequential's counterpart on a dark background: from near-black blue to bright yellow.
func SequentialDark(t float64) color.NRGBA {
	if math.IsNaN(t) {
		return color.NRGBA{0x3a, 0x3a, 0x3a, 0xff}
	}
	t = min(max(t, 0), 1)
	return oklch(0.27+0.63*t, 0.05+0.09*math.Sin(math.Pi*(0.15+0.75*t)), 268-166*t)
}

// Ink returns black or white, whichever is easier to read on the background: always a contrast of at least 4.5.
func Ink(background color.NRGBA) color.NRGBA {
	black, white := color.NRGBA{0, 0, 0, 0xff}, color.NRGBA{0xff, 0xff, 0xff, 0xff}
	if Contrast(background, black) >= Contrast(background, white) {
		return black
	}
	return white
}

// Contrast is the contrast ratio of WCAG 2.2, 1..21, of two opaque colours.
func Contrast(a, b color.NRGBA) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// Hex writes an opaque colour as in CSS: #rrggbb.
func Hex(c color.NRGBA) string {
	n := uint64(1)<<24 | uint64(c.R)<<16 | uint64(c.G)<<8 | uint64(c.B)
	return "#" + strconv.FormatUint(n, 16)[1:]
}

func luminance(c color.NRGBA) float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// oklch converts lightness 0..1, chroma and hue (degrees) of Ottosson's OKLab (2020) to sRGB, with less chroma where the screen has no such colour.
func oklch(lightness, chroma, hue float64) color.NRGBA {
	sin, cos := math.Sincos(hue * math.Pi / 180)
	for {
		r, g, b := oklab(lightness, chroma*cos, chroma*sin)
		low, high := min(r, g, b), max(r, g, b)
		if chroma < 1e-3 || (low >= -1e-4 && high <= 1+1e-4) {
			return color.NRGBA{srgb(r), srgb(g), srgb(b), 0xff}
		}
		chroma *= 0.97
	}
}

// oklab returns linear RGB.
func oklab(lightness, a, b float64) (red, green, blue float64) {
	cube := func(x float64) float64 { return x * x * x }
	l := cube(lightness + 0.3963377774*a + 0.2158037573*b)
	m := cube(lightness - 0.1055613458*a - 0.0638541728*b)
	s := cube(lightness - 0.0894841775*a - 1.2914855480*b)
	return 4.0767416621*l - 3.3077115913*m + 0.2309699292*s,
		-1.2684380046*l + 2.6097574011*m - 0.3413193965*s,
		-0.0041960863*l - 0.7034186147*m + 1.7076147010*s
}

func srgb(x float64) uint8 {
	x = min(max(x, 0), 1)
	if x <= 0.0031308 {
		return uint8(math.Round(255 * 12.92 * x))
	}
	return uint8(math.Round(255 * (1.055*math.Pow(x, 1/2.4) - 0.055)))
}
