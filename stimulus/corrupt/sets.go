package corrupt

// The tables of Hendrycks & Dietterich (2019), copied from the scripts that made ImageNet-C, Tiny-ImageNet-C and CIFAR-10-C; index 0 is severity 1.
// Severity is not monotone in every ingredient: saturate 1-2 desaturates and 3-5 oversaturates; elastic 1-2 warp globally and 3-5 locally.

// imagenet224 holds the parameters of ImageNet-C, 224 pixels.
var imagenet224 = Parameters{
	Name: "imagenet224", Size: 224, PlasmaSize: 256, FrostScale: 1,

	GaussianNoise: [5]float64{0.08, 0.12, 0.18, 0.26, 0.38},
	ShotNoise:     [5]float64{60, 25, 12, 5, 3},
	ImpulseNoise:  [5]float64{0.03, 0.06, 0.09, 0.17, 0.27},
	DefocusBlur:   [5]Defocus{{3, 0.1}, {4, 0.5}, {6, 0.5}, {8, 0.5}, {10, 0.5}},
	GlassBlur:     [5]Glass{{0.7, 1, 2}, {0.9, 2, 1}, {1, 2, 3}, {1.1, 3, 2}, {1.5, 4, 2}},
	MotionBlur:    [5]Motion{{10, 3}, {15, 5}, {15, 8}, {15, 12}, {20, 15}},
	ZoomBlur:      [5][]float64{factors(12, 1), factors(16, 1), factors(11, 2), factors(13, 2), factors(11, 3)},
	Snow: [5]Snow{
		{0.1, 0.3, 3, 0.5, 10, 4, 0.8},
		{0.2, 0.3, 2, 0.5, 12, 4, 0.7},
		{0.55, 0.3, 4, 0.9, 12, 8, 0.7},
		{0.55, 0.3, 4.5, 0.85, 12, 8, 0.65},
		{0.55, 0.3, 2.5, 0.85, 12, 12, 0.55},
	},
	Frost:            [5]Frost{{1, 0.4}, {0.8, 0.6}, {0.7, 0.7}, {0.65, 0.7}, {0.6, 0.75}},
	Fog:              [5]Fog{{1.5, 2}, {2, 2}, {2.5, 1.7}, {2.5, 1.5}, {3, 1.4}},
	Brightness:       [5]float64{0.1, 0.2, 0.3, 0.4, 0.5},
	Contrast:         [5]float64{0.4, 0.3, 0.2, 0.1, 0.05},
	ElasticTransform: [5]Elastic{{488, 170.8, 24.4}, {488, 19.52, 48.8}, {12.2, 2.44, 4.88}, {17.08, 2.44, 4.88}, {29.28, 2.44, 4.88}},
	Pixelate:         [5]float64{0.6, 0.5, 0.4, 0.3, 0.25},
	JPEGCompression:  [5]int{25, 18, 15, 10, 7},
	SpeckleNoise:     [5]float64{0.15, 0.2, 0.35, 0.45, 0.6},
	GaussianBlur:     [5]float64{1, 2, 3, 4, 6},
	Spatter: [5]Spatter{
		{0.65, 0.3, 4, 0.69, 0.6, false},
		{0.65, 0.3, 3, 0.68, 0.6, false},
		{0.65, 0.3, 2, 0.68, 0.5, false},
		{0.65, 0.3, 1, 0.65, 1.5, true},
		{0.67, 0.4, 1, 0.65, 1.5, true},
	},
	Saturate: [5]Saturate{{0.3, 0}, {0.1, 0}, {2, 0}, {5, 0.1}, {20, 0.2}},
}

// inception299 holds those of ImageNet-C for networks that take 299 pixels.
var inception299 = Parameters{
	Name: "inception299", Size: 299, PlasmaSize: 512, FrostScale: 1,

	GaussianNoise:    [5]float64{0.09, 0.13, 0.19, 0.27, 0.4},
	ShotNoise:        [5]float64{50, 20, 10, 5, 3},
	ImpulseNoise:     [5]float64{0.04, 0.07, 0.1, 0.18, 0.28},
	DefocusBlur:      [5]Defocus{{4, 0.1}, {5, 0.5}, {7, 0.5}, {10, 0.5}, {12, 0.5}},
	GlassBlur:        [5]Glass{{0.8, 1, 3}, {1, 3, 1}, {1.1, 2, 4}, {1.2, 4, 2}, {1.6, 5, 2}},
	MotionBlur:       [5]Motion{{12, 4}, {17, 6}, {17, 9}, {17, 13}, {22, 16}},
	ZoomBlur:         imagenet224.ZoomBlur,
	Snow:             imagenet224.Snow,
	Frost:            imagenet224.Frost,
	Fog:              [5]Fog{{1.5, 2}, {2, 2}, {2.5, 1.8}, {2.5, 1.6}, {3, 1.5}},
	Brightness:       imagenet224.Brightness,
	Contrast:         imagenet224.Contrast,
	ElasticTransform: [5]Elastic{{720, 252, 36}, {720, 28.8, 72}, {18, 3.6, 7.2}, {25.2, 3.6, 7.2}, {43.2, 3.6, 7.2}},
	Pixelate:         [5]float64{0.5, 0.4, 0.3, 0.25, 0.2},
	JPEGCompression:  [5]int{23, 16, 13, 8, 5},
	SpeckleNoise:     [5]float64{0.16, 0.21, 0.36, 0.46, 0.61},
	GaussianBlur:     [5]float64{1.5, 2.5, 3.5, 4.5, 6.5},
	Spatter: [5]Spatter{
		{0.65, 0.3, 4, 0.69, 0.9, false},
		{0.65, 0.3, 3.5, 0.68, 0.9, false},
		{0.65, 0.3, 3, 0.68, 0.8, false},
		{0.65, 0.3, 1.2, 0.65, 1.8, true},
		{0.67, 0.4, 1.2, 0.65, 1.8, true},
	},
	Saturate: imagenet224.Saturate,
}

// tiny64 holds those of Tiny-ImageNet-C, also used for ImageNet-64.
var tiny64 = Parameters{
	Name: "tiny64", Size: 64, PlasmaSize: 64, FrostScale: 0.3,

	GaussianNoise: [5]float64{0.04, 0.08, 0.12, 0.15, 0.18},
	ShotNoise:     [5]float64{250, 100, 50, 30, 15},
	ImpulseNoise:  [5]float64{0.01, 0.02, 0.05, 0.08, 0.14},
	DefocusBlur:   [5]Defocus{{0.5, 0.6}, {1, 0.1}, {1.5, 0.1}, {2.5, 0.01}, {3, 0.1}},
	GlassBlur:     [5]Glass{{0.1, 1, 1}, {0.5, 1, 1}, {0.6, 1, 2}, {0.7, 2, 1}, {0.9, 2, 2}},
	MotionBlur:    [5]Motion{{10, 1}, {10, 1.5}, {10, 2}, {10, 2.5}, {12, 3}},
	ZoomBlur:      [5][]float64{factors(7, 1), factors(12, 1), factors(16, 1), factors(21, 1), factors(26, 1)},
	Snow: [5]Snow{
		{0.1, 0.2, 1, 0.6, 8, 3, 0.8},
		{0.1, 0.2, 1, 0.5, 10, 4, 0.8},
		{0.15, 0.3, 1.75, 0.55, 10, 4, 0.7},
		{0.25, 0.3, 2.25, 0.6, 12, 6, 0.65},
		{0.3, 0.3, 1.25, 0.65, 14, 12, 0.6},
	},
	Frost:            [5]Frost{{1, 0.3}, {0.9, 0.4}, {0.8, 0.45}, {0.75, 0.5}, {0.7, 0.55}},
	Fog:              [5]Fog{{0.4, 3}, {0.7, 3}, {1, 2.5}, {1.5, 2}, {2, 1.75}},
	Brightness:       imagenet224.Brightness,
	Contrast:         imagenet224.Contrast,
	ElasticTransform: [5]Elastic{{0, 0, 5.12}, {3.2, 19.2, 3.84}, {6.4, 5.12, 3.84}, {6.4, 1.92, 1.92}, {10.24, 1.92, 1.28}},
	Pixelate:         [5]float64{0.9, 0.8, 0.7, 0.6, 0.5},
	JPEGCompression:  [5]int{65, 58, 50, 40, 25},
	SpeckleNoise:     [5]float64{0.15, 0.2, 0.25, 0.3, 0.35},
	GaussianBlur:     [5]float64{0.5, 0.75, 1, 1.25, 1.5},
	Spatter: [5]Spatter{
		{0.62, 0.1, 0.7, 0.7, 0.6, false},
		{0.65, 0.1, 0.8, 0.7, 0.6, false},
		{0.65, 0.3, 1, 0.69, 0.6, false},
		{0.65, 0.1, 0.7, 0.68, 0.6, true},
		{0.65, 0.1, 0.5, 0.67, 0.6, true},
	},
	Saturate: [5]Saturate{{0.3, 0}, {0.1, 0}, {2, 0}, {5, 0.1}, {30, 0.2}},
}

// cifar32 holds those of CIFAR-10-C and CIFAR-100-C.
var cifar32 = Parameters{
	Name: "cifar32", Size: 32, PlasmaSize: 32, FrostScale: 0.2,

	GaussianNoise: [5]float64{0.04, 0.06, 0.08, 0.09, 0.1},
	ShotNoise:     [5]float64{500, 250, 100, 75, 50},
	ImpulseNoise:  [5]float64{0.01, 0.02, 0.03, 0.05, 0.07},
	DefocusBlur:   [5]Defocus{{0.3, 0.4}, {0.4, 0.5}, {0.5, 0.6}, {1, 0.2}, {1.5, 0.1}},
	GlassBlur:     [5]Glass{{0.05, 1, 1}, {0.25, 1, 1}, {0.4, 1, 1}, {0.25, 1, 2}, {0.4, 1, 2}},
	MotionBlur:    [5]Motion{{6, 1}, {6, 1.5}, {6, 2}, {8, 2}, {9, 2.5}},
	ZoomBlur:      tiny64.ZoomBlur,
	Snow: [5]Snow{
		{0.1, 0.2, 1, 0.6, 8, 3, 0.95},
		{0.1, 0.2, 1, 0.5, 10, 4, 0.9},
		{0.15, 0.3, 1.75, 0.55, 10, 4, 0.9},
		{0.25, 0.3, 2.25, 0.6, 12, 6, 0.85},
		{0.3, 0.3, 1.25, 0.65, 14, 12, 0.8},
	},
	Frost:            [5]Frost{{1, 0.2}, {1, 0.3}, {0.9, 0.4}, {0.85, 0.4}, {0.75, 0.45}},
	Fog:              [5]Fog{{0.2, 3}, {0.5, 3}, {0.75, 2.5}, {1, 2}, {1.5, 1.75}},
	Brightness:       [5]float64{0.05, 0.1, 0.15, 0.2, 0.3},
	Contrast:         [5]float64{0.75, 0.5, 0.4, 0.3, 0.15},
	ElasticTransform: [5]Elastic{{0, 0, 2.56}, {1.6, 6.4, 2.24}, {2.56, 1.92, 1.92}, {3.2, 1.28, 1.6}, {3.2, 0.96, 0.96}},
	Pixelate:         [5]float64{0.95, 0.9, 0.85, 0.75, 0.65},
	JPEGCompression:  [5]int{80, 65, 58, 50, 40},
	SpeckleNoise:     [5]float64{0.06, 0.1, 0.12, 0.16, 0.2},
	GaussianBlur:     [5]float64{0.4, 0.6, 0.7, 0.8, 1},
	Spatter: [5]Spatter{
		{0.62, 0.1, 0.7, 0.7, 0.5, false},
		{0.65, 0.1, 0.8, 0.7, 0.5, false},
		{0.65, 0.3, 1, 0.69, 0.5, false},
		{0.65, 0.1, 0.7, 0.69, 0.6, true},
		{0.65, 0.1, 0.5, 0.68, 0.6, true},
	},
	Saturate: [5]Saturate{{0.3, 0}, {0.1, 0}, {1.5, 0}, {2, 0.1}, {2.5, 0.2}},
}

// anySize holds those of the any-size port (imagecorruptions 1.1): ImageNet's but for the elastic transform, whose three numbers are
// the displacement's factor 250·(0.05, ...), and σ and the range of the raw displacement as shares of each side.
var anySize = port()

func port() Parameters {
	p := imagenet224
	p.Name, p.Size, p.Port, p.PlasmaSize = "any", 0, true, 0
	for i, factor := range []float64{0.05, 0.065, 0.085, 0.1, 0.12} {
		p.ElasticTransform[i] = Elastic{Alpha: 250 * factor, Sigma: 0.01, Affine: 0.005}
	}
	return p
}

// factors returns n zoom factors 1, 1 + step/100, ... with the rounding errors of numpy.arange, which decide how 32 pixels enlarged
// by 1.25 are rounded.
func factors(n, step int) []float64 {
	second := 1 + float64(step)/100
	out := make([]float64, n)
	for i := range out {
		out[i] = 1 + float64(i)*(second-1)
	}
	return out
}
