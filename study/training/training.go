// Package training trains a classifier of our own architectures on labelled images.
//
// Method. Images are brought to the network's size once. A share of them, drawn from each class by the seed, is set aside for validation
// (or a second data set is). The network's parameters follow the gradients of the cross-entropy of batches that are shuffled anew each epoch
// and changed at random where asked for. After each epoch the validation images are classified; the parameters with the fewest errors on
// them are kept. The trained network is written as an ONNX model with its class names and its preprocessing, ready to be examined.
package training

import (
	"fmt"
	"path/filepath"
	"time"

	"visus/engine"
	"visus/internal/progress"
)

// Name is the study's name in config.yaml and findings.
const Name = "training"

// The files of a result folder.
const (
	ModelFile    = "model.onnx"
	FindingsFile = "findings.json"
	ReportFile   = "report.html"
)

// Study trains one network.
type Study struct {
	Options  Options
	Engine   engine.Engine
	Progress progress.Meter      // nil: none
	Note     func(string)        // is told what a person should know: choices, warnings, estimates
	Accept   func(Decided) error // is asked whether what was decided will do, before anything is trained or written; nil: it will
}

// Options say what to train, and on what. They are recorded in config.yaml; running them again gives the same parameters, bit for bit, on
// the same engine with as many threads.
type Options struct {
	Images      string `yaml:"images"`
	Validation  string `yaml:"validation"` // a share of the images (0.1), or a data set of its own; "": 0.1; "0": none
	LabelColumn string `yaml:"label_column"`
	Orient      bool   `yaml:"orient"` // obey EXIF rotation
	Limit       int    `yaml:"limit"`  // at most so many images, spread evenly over the set; 0: all
	Size        int    `yaml:"size"`   // side of the network's input; 0: the images' own where they agree, else 32

	Network      string   `yaml:"network"` // a name of the zoo
	Epochs       int      `yaml:"epochs"`
	Batch        int      `yaml:"batch"`
	Optimiser    string   `yaml:"optimiser"`
	LearningRate float64  `yaml:"learning_rate"` // the highest of the schedule; 0: the optimiser's usual one
	Schedule     string   `yaml:"schedule"`
	WeightDecay  float64  `yaml:"weight_decay"`
	Smoothing    float64  `yaml:"label_smoothing"`
	Augment      []string `yaml:"augment"`  // what augment.Parse reads
	Patience     int      `yaml:"patience"` // epochs without a better validation before it stops; 0: never
	Seed         uint64   `yaml:"seed"`

	Threads int           `yaml:"threads"`    // of the engine; 0: all cores. Sums over threads differ in their last bits
	Workers int           `yaml:"-" json:"-"` // images read at the same time; 0: all cores
	Every   time.Duration `yaml:"-" json:"-"` // least time between checkpoints; 0: a minute
}

func (s Study) note(format string, args ...any) {
	if s.Note != nil {
		s.Note(fmt.Sprintf(format, args...))
	}
}

func (r *run) path(name string) string { return filepath.Join(r.folder, name) }
