package corrupt

// The groups of corruptions. The first four make up the benchmark's 15; extras are for tuning and count in no score.
const (
	Noise   = "noise"
	Blur    = "blur"
	Weather = "weather"
	Digital = "digital"
	Extra   = "extra"
)

// Corruption is one kind of degradation. Only the values of All can be used.
type Corruption struct {
	Name   string // as in the names of the published folders and files
	Group  string // Noise, Blur, Weather, Digital or Extra
	Random bool   // whether it draws random numbers
	law    law
}

// All lists the corruptions in the canonical order of Hendrycks & Dietterich (2019): 15 that count, then 4 extras.
var All = []Corruption{
	{"gaussian_noise", Noise, true, gaussianNoise},
	{"shot_noise", Noise, true, shotNoise},
	{"impulse_noise", Noise, true, impulseNoise},
	{"defocus_blur", Blur, false, defocusBlur},
	{"glass_blur", Blur, true, glassBlur},
	{"motion_blur", Blur, true, motionBlur},
	{"zoom_blur", Blur, false, zoomBlur},
	{"snow", Weather, true, snow},
	{"frost", Weather, true, frost},
	{"fog", Weather, true, fog},
	{"brightness", Weather, false, brightness},
	{"contrast", Digital, false, contrast},
	{"elastic_transform", Digital, true, elasticTransform},
	{"pixelate", Digital, false, pixelate},
	{"jpeg_compression", Digital, false, jpegCompression},
	{"speckle_noise", Extra, true, speckleNoise},
	{"gaussian_blur", Extra, false, gaussianBlur},
	{"spatter", Extra, true, spatter},
	{"saturate", Extra, false, saturate},
}

// ByName finds a corruption of All.
func ByName(name string) (Corruption, bool) {
	for _, c := range All {
		if c.Name == name {
			return c, true
		}
	}
	return Corruption{}, false
}
