package observer

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"visus/internal/yamlfile"
	"visus/stimulus/resample"
)

// Preprocessing says how the pixels of an image become the numbers that a model takes. Each channel value of 0..255 becomes
//
//	(value·Scale + Shift - Mean) / Std
//
// The zero value feeds 0..255. Mean and Std are in the order of the channels as the model takes them.
type Preprocessing struct {
	Name  string
	BGR   bool       // blue first
	Scale float64    // 0 means 1
	Shift float64    //
	Mean  [3]float64 //
	Std   [3]float64 // 0 means 1

	// Geometry: images whose size is not the model's are resized so that the short side is Resize pixels, then the centre Crop×Crop is cut.
	Resize int             // 0: the crop divided by 0.875 for crops from 128 pixels on (256 for 224), else the crop itself
	Crop   int             // 0: the model's input size
	Filter resample.Filter // of resizing
}

// Preprocessings are the usual conventions by name, in the order in which auto tries them.
var Preprocessings = []Preprocessing{
	{Name: "imagenet", Scale: 1. / 255, Mean: [3]float64{.485, .456, .406}, Std: [3]float64{.229, .224, .225}, Filter: resample.Bilinear},                         // torchvision
	{Name: "none", Scale: 1. / 255, Filter: resample.Bilinear},                                                                                                    // pixels in 0..1, torchvision's ToTensor alone
	{Name: "tf", Scale: 1. / 127.5, Shift: -1, Filter: resample.Bilinear},                                                                                         // Keras "tf": -1..1
	{Name: "caffe", BGR: true, Mean: [3]float64{103.939, 116.779, 123.68}, Filter: resample.Bilinear},                                                             // Keras "caffe"
	{Name: "cifar", Scale: 1. / 255, Mean: [3]float64{.4914, .4822, .4465}, Std: [3]float64{.2470, .2435, .2616}, Filter: resample.Bilinear},                      // mean and deviation of CIFAR-10's training images
	{Name: "clip", Scale: 1. / 255, Mean: [3]float64{.48145466, .4578275, .40821073}, Std: [3]float64{.26862954, .26130258, .27577711}, Filter: resample.Bicubic}, // OpenAI CLIP
	{Name: "raw", Filter: resample.Bilinear}, // 0..255
}

// PreprocessingByName finds one of the usual conventions.
func PreprocessingByName(name string) (Preprocessing, error) {
	names := make([]string, len(Preprocessings))
	for i, p := range Preprocessings {
		if p.Name == name {
			return p, nil
		}
		names[i] = p.Name
	}
	return Preprocessing{}, fmt.Errorf("observer: preprocessing %q is none of %s, auto, or a .yaml file", name, strings.Join(names, ", "))
}

// auto asks for the preprocessing that Choose finds best, whatever a sidecar says.
const auto = "auto"

// CheckPreprocessing reports an error where an option is neither a name, "auto", "" (the sidecar's, else auto), nor a .yaml file that can be read.
func CheckPreprocessing(option string) error {
	switch {
	case option == "" || option == auto:
		return nil
	case strings.HasSuffix(option, ".yaml"):
		_, err := ReadSidecar(option)
		return err
	}
	_, err := PreprocessingByName(option)
	return err
}

// table returns the numbers that the 256 levels of each channel become, in the channel order of the model.
func (p Preprocessing) table() [3][256]float64 {
	var t [3][256]float64
	scale := p.Scale
	if scale == 0 {
		scale = 1
	}
	for c := range t {
		std := p.Std[c]
		if std == 0 {
			std = 1
		}
		for v := range t[c] {
			t[c][v] = (float64(v)*scale + p.Shift - p.Mean[c]) / std
		}
	}
	return t
}

// Sidecar is the YAML file beside a model (resnet.yaml for resnet.onnx) that says how to use it.
type Sidecar struct {
	Preprocessing string   `yaml:"preprocessing"` // a name to start from; the fields below change it
	Channels      string   `yaml:"channels"`      // rgb (default) or bgr
	Scale         Number   `yaml:"scale"`
	Shift         *float64 `yaml:"shift"`
	Mean          Triple   `yaml:"mean"`
	Std           Triple   `yaml:"std"`
	Resize        int      `yaml:"resize"`
	Crop          int      `yaml:"crop"`
	Interpolation string   `yaml:"interpolation"` // nearest, box, bilinear, bicubic, lanczos
	Layout        string   `yaml:"layout"`        // nchw or nhwc, where the shapes do not tell
	Output        string   `yaml:"output"`        // the name of the output with the class scores
	Scores        string   `yaml:"scores"`        // logits, probabilities or log-probabilities
	Classes       any      `yaml:"classes"`       // a list of names, a built-in name, or a file beside the sidecar
}

// Number is a number that may be written as a fraction, 1/255.
type Number float64

// UnmarshalYAML reads 0.5 and 1/255.
func (n *Number) UnmarshalYAML(text []byte) error {
	word := strings.Trim(strings.TrimSpace(string(text)), `"'`)
	over, under, fraction := strings.Cut(word, "/")
	a, err := strconv.ParseFloat(strings.TrimSpace(over), 64)
	b := 1.0
	if err == nil && fraction {
		b, err = strconv.ParseFloat(strings.TrimSpace(under), 64)
	}
	if err != nil || b == 0 || math.IsInf(a/b, 0) {
		return fmt.Errorf("%q is not a number such as 0.5 or 1/255", word)
	}
	*n = Number(a / b)
	return nil
}

// Triple is one number for each channel, or one for all.
type Triple []float64

// UnmarshalYAML reads 0.5 and [0.1, 0.2, 0.3].
func (t *Triple) UnmarshalYAML(text []byte) error {
	var one float64
	if yaml.Unmarshal(text, &one) == nil {
		*t = Triple{one, one, one}
		return nil
	}
	var all []float64
	if err := yaml.Unmarshal(text, &all); err != nil || len(all) != 3 && len(all) != 1 {
		return fmt.Errorf("%q is neither one number nor a list of three", strings.TrimSpace(string(text)))
	}
	if len(all) == 1 {
		all = []float64{all[0], all[0], all[0]}
	}
	*t = all
	return nil
}

// ReadSidecar reads a sidecar file; unknown fields are an error that names them.
func ReadSidecar(path string) (*Sidecar, error) {
	var s Sidecar
	if err := yamlfile.Read(path, &s); err != nil {
		return nil, fmt.Errorf("observer: sidecar: %w", err)
	}
	return &s, nil
}

// preprocessing returns what the sidecar says of pixels; ok is false where it says nothing.
func (s *Sidecar) preprocessing(path string) (p Preprocessing, ok bool, err error) {
	p = Preprocessing{Filter: resample.Bilinear}
	if s.Preprocessing != "" {
		if p, err = PreprocessingByName(s.Preprocessing); err != nil {
			return p, false, fmt.Errorf("%w (in %s)", err, path)
		}
	}
	named := p
	if s.Scale != 0 {
		p.Scale = float64(s.Scale)
	}
	if s.Shift != nil {
		p.Shift = *s.Shift
	}
	if s.Mean != nil {
		p.Mean = [3]float64(s.Mean)
	}
	if s.Std != nil {
		p.Std = [3]float64(s.Std)
	}
	switch strings.ToLower(s.Channels) {
	case "":
	case "rgb":
		p.BGR = false
	case "bgr":
		p.BGR = true
	default:
		return p, false, fmt.Errorf("observer: %s: channels %q is neither rgb nor bgr", path, s.Channels)
	}
	ok = s.Preprocessing != "" || s.Scale != 0 || s.Shift != nil || s.Mean != nil || s.Std != nil || s.Channels != ""
	if p != named || s.Preprocessing == "" {
		p.Name = path // it is not the usual one of that name
	}
	return p, ok, s.geometry(&p, path)
}

// geometry sets what the sidecar says of sizes, which holds for every preprocessing.
func (s *Sidecar) geometry(p *Preprocessing, path string) (err error) {
	p.Resize, p.Crop = s.Resize, s.Crop
	if s.Resize < 0 || s.Crop < 0 {
		return fmt.Errorf("observer: %s: resize %d and crop %d; expected pixels, or 0 for the usual", path, s.Resize, s.Crop)
	}
	if s.Interpolation == "" {
		return nil
	}
	if p.Filter, err = resample.ParseFilter(s.Interpolation); err != nil {
		return fmt.Errorf("observer: %s: %w", path, err)
	}
	return nil
}
