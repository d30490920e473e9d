package corrupt

// Parameters is one published set of severity parameters; index 0 is severity 1. Tables of section 6 of the specification:
// Hendrycks & Dietterich (2019) for 224 and 299 pixels, Tiny-ImageNet-C, CIFAR-10-C, and the any-size port.
type Parameters struct {
	Name       string  // "imagenet224", "inception299", "tiny64", "cifar32" or "any"
	Size       int     // side of the images the set was made for, 0 for any size
	Port       bool    // the laws of the any-size port (imagecorruptions 1.1) where they differ from the original's
	PlasmaSize int     // side of the fog map, 0: the next power of two that covers the image
	FrostScale float64 // factor by which frost textures are resized first

	GaussianNoise    [5]float64 // standard deviation, of 1
	ShotNoise        [5]float64 // photons at full intensity
	ImpulseNoise     [5]float64 // share of values replaced
	DefocusBlur      [5]Defocus
	GlassBlur        [5]Glass
	MotionBlur       [5]Motion
	ZoomBlur         [5][]float64 // zoom factors
	Snow             [5]Snow
	Frost            [5]Frost
	Fog              [5]Fog
	Brightness       [5]float64 // added to V of HSV
	Contrast         [5]float64 // factor about the mean
	ElasticTransform [5]Elastic
	Pixelate         [5]float64 // factor of size
	JPEGCompression  [5]int     // quality
	SpeckleNoise     [5]float64
	GaussianBlur     [5]float64 // σ in pixels
	Spatter          [5]Spatter
	Saturate         [5]Saturate
}

// The parameters of the corruptions that take several, in the order of the published tables.
type (
	Defocus struct{ Radius, Alias float64 }
	Glass   struct {
		Sigma             float64
		Delta, Iterations int
	}
	Motion  struct{ Radius, Sigma float64 }
	Snow    struct{ Mean, Deviation, Zoom, Threshold, Radius, Sigma, Mix float64 }
	Frost   struct{ Image, Texture float64 }
	Fog     struct{ Amount, Decay float64 }
	Elastic struct{ Alpha, Sigma, Affine float64 } // pixels; in the any-size port Sigma and Affine are shares of each side
	Spatter struct {
		Mean, Deviation, Sigma, Threshold, Strength float64
		Mud                                         bool
	}
	Saturate struct{ Factor, Offset float64 }
)

// sets lists the published sets; the last serves every size.
var sets = []*Parameters{&imagenet224, &inception299, &tiny64, &cifar32, &anySize}

// ParametersFor returns the published set made for square images of that size, or the any-size port's. The set is shared: read only.
func ParametersFor(width, height int) *Parameters {
	for _, p := range sets {
		if p.Size == width && p.Size == height {
			return p
		}
	}
	return &anySize
}

// ParametersByName finds a published set: imagenet224, inception299, tiny64, cifar32 or any. The set is shared: read only.
func ParametersByName(name string) (*Parameters, bool) {
	for _, p := range sets {
		if p.Name == name {
			return p, true
		}
	}
	return nil, false
}
