package corruption

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"

	"visus/internal/version"
	"visus/observer"
	"visus/study/result"
)

// Config is config.yaml of a result folder: what was asked, and what it was asked of. It holds all that the trials depend on.
type Config struct {
	Visus    string        `yaml:"visus"` // version
	Study    string        `yaml:"study"`
	Engine   string        `yaml:"engine"`
	Options  Options       `yaml:"options"`
	Data     DataConfig    `yaml:"data"`
	Models   []ModelConfig `yaml:"decided"`
	Warnings []string      `yaml:"warnings,omitempty"`
	Format   string        `yaml:"format,omitempty"` // of written images
}

// DataConfig identifies the stimuli.
type DataConfig struct {
	Kind    string `yaml:"kind"`
	Stimuli int    `yaml:"stimuli"`
	Labels  int    `yaml:"labelled"`
	SHA256  string `yaml:"sha256"` // of ids and categories
}

// ModelConfig identifies a model and what was decided for it.
type ModelConfig struct {
	Name          string           `yaml:"name"`
	SHA256        string           `yaml:"sha256"`
	Sidecar       string           `yaml:"sidecar_sha256,omitempty"` // of the YAML file that says how to use the model
	Preprocessing string           `yaml:"preprocessing"`
	Labels        string           `yaml:"labels"`
	Classes       string           `yaml:"classes"`
	Output        string           `yaml:"output"`
	Scores        observer.Scores  `yaml:"scores"`
	Width         int              `yaml:"width"`
	Height        int              `yaml:"height"`
	Tried         []observer.Tried `yaml:"tried,omitempty"`
}

// ReadConfig reads the configuration of a result folder.
func ReadConfig(folder string) (*Config, error) {
	var c Config
	if err := result.Read(folder, &c); err != nil {
		return nil, err
	}
	return &c, nil
}

// earlier returns the configuration of a run that this one goes on with; nil where the folder is new or empty.
func earlier(folder string, now Config) (*Config, error) {
	return result.Earlier(folder, now.Study, func(before Config) []string { return differences(before, now) })
}

// differences names what two runs do not share.
func differences(before, now Config) []string {
	var d result.Differences
	d.Add("study", before.Study, now.Study)
	d.Add("visus", before.Visus, now.Visus)
	d.Add("engine", before.Engine, now.Engine)
	d.Add("format", before.Format, now.Format)
	d.AddFields(before.Options, now.Options)
	if before.Options.Images == now.Options.Images {
		d.Add("what lies in "+now.Options.Images, before.Data.String(), now.Data.String())
	}
	if !slices.Equal(before.Options.Models, now.Options.Models) {
		return d
	}
	for i, path := range now.Options.Models {
		if i < len(before.Models) {
			d.Add("the file "+path, "with "+before.Models[i].fingerprint(), "with "+now.Models[i].fingerprint())
		}
	}
	return d
}

func (d DataConfig) String() string {
	return fmt.Sprintf("%s of %d images, %d labelled, SHA-256 of their names and labels %.8s…", d.Kind, d.Stimuli, d.Labels, d.SHA256)
}

// fingerprint identifies the model's file and its sidecar.
func (m ModelConfig) fingerprint() string {
	if m.Sidecar == "" {
		return fmt.Sprintf("SHA-256 %.8s…", m.SHA256)
	}
	return fmt.Sprintf("SHA-256 %.8s… (its sidecar's %.8s…)", m.SHA256, m.Sidecar)
}

// decided returns what an earlier run decided for a model.
func (c *Config) decided(i int) (ModelConfig, bool) {
	if c == nil || i >= len(c.Models) {
		return ModelConfig{}, false
	}
	return c.Models[i], true
}

// newConfig describes the examination before anything is decided.
func (x *examination) newConfig() (Config, error) {
	c := Config{Visus: version.String(), Study: Name, Options: x.Options}
	if x.Engine != nil {
		c.Engine = x.Engine.Name()
	}
	digest := sha256.New()
	source := x.conditions[0].source
	for _, i := range x.stimuli {
		item := source.Item(i)
		io.WriteString(digest, item.ID+"\x00"+item.Category+"\n")
		if item.Category != "" {
			c.Data.Labels++
		}
	}
	c.Data.Kind, c.Data.Stimuli, c.Data.SHA256 = x.set.Kind, len(x.stimuli), sum(digest)
	for _, path := range x.Options.Models {
		hash, err := result.Sum(path)
		if err != nil {
			return c, err
		}
		m := ModelConfig{SHA256: hash}
		if sidecar, ok := observer.SidecarFile(path, x.Options.Preprocessing); ok {
			if m.Sidecar, err = result.Sum(sidecar); err != nil {
				return c, err
			}
		}
		c.Models = append(c.Models, m)
	}
	return c, nil
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// recorded says whether the data were corrupted on disk.
func (c *Config) recorded() bool { return c.Data.Kind == "cifar-c" || c.Data.Kind == "imagenet-c" }
