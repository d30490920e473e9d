package training

import (
	"fmt"

	"visus/internal/version"
	"visus/study/result"
)

// Config is config.yaml of a result folder: what was asked, what it was asked of, and what was decided.
type Config struct {
	Visus      string      `yaml:"visus"` // version
	Study      string      `yaml:"study"`
	Engine     string      `yaml:"engine"`
	Options    Options     `yaml:"options"`
	Training   DataConfig  `yaml:"training"`
	Validation *DataConfig `yaml:"validation,omitempty"` // where it is a data set of its own
	Decided    Decided     `yaml:"decided"`
}

// DataConfig identifies a data set.
type DataConfig struct {
	Kind   string `yaml:"kind"`
	Images int    `yaml:"images"` // with a label
	SHA256 string `yaml:"sha256"` // of ids and labels
}

func (d *DataConfig) String() string {
	if d == nil {
		return "nothing"
	}
	return fmt.Sprintf("%s of %d labelled images, SHA-256 of their names and labels %.8s…", d.Kind, d.Images, d.SHA256)
}

// Decided is what the options left open.
type Decided struct {
	Width        int        `yaml:"width"`
	Height       int        `yaml:"height"`
	Channels     int        `yaml:"channels"`
	Mean         [3]float64 `yaml:"mean,flow"` // of the training images' channels, in 0..1
	Std          [3]float64 `yaml:"std,flow"`
	LearningRate float64    `yaml:"learning_rate"`
	Classes      []string   `yaml:"classes,flow"`
}

// ReadConfig reads the configuration of a result folder.
func ReadConfig(folder string) (*Config, error) {
	var c Config
	if err := result.Read(folder, &c); err != nil {
		return nil, err
	}
	return &c, nil
}

// newConfig describes the run before any pixel is read.
func (r *run) newConfig() Config {
	c := Config{Visus: version.String(), Study: Name, Engine: r.Engine.Name(), Options: r.Options, Training: *r.images.describe()}
	c.Validation = r.apart.describe()
	return c
}

func (d *labelled) describe() *DataConfig {
	if d == nil {
		return nil
	}
	return &DataConfig{Kind: d.set.Kind, Images: len(d.items), SHA256: d.identity}
}

// differences names what two runs do not share.
func differences(before, now Config) []string {
	var d result.Differences
	d.Add("visus", before.Visus, now.Visus)
	d.Add("engine", before.Engine, now.Engine)
	d.AddFields(before.Options, now.Options)
	if before.Options.Images == now.Options.Images {
		d.Add("what lies in "+now.Options.Images, before.Training.String(), now.Training.String())
	}
	if before.Options.Validation == now.Options.Validation {
		d.Add("what lies in "+now.Options.Validation, before.Validation.String(), now.Validation.String())
	}
	return d
}
