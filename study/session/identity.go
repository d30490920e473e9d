package session

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"visus/observer"
	"visus/study/result"
)

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

func (d DataConfig) String() string {
	return fmt.Sprintf("%s of %d images, %d labelled, SHA-256 of their names and labels %.8s…", d.Kind, d.Stimuli, d.Labels, d.SHA256)
}

// Recorded says whether the data were corrupted on disk.
func (d DataConfig) Recorded() bool { return d.Kind == "cifar-c" || d.Kind == "imagenet-c" }

// fingerprint identifies the model's file and its sidecar.
func (m ModelConfig) fingerprint() string {
	if m.Sidecar == "" {
		return fmt.Sprintf("SHA-256 %.8s…", m.SHA256)
	}
	return fmt.Sprintf("SHA-256 %.8s… (its sidecar's %.8s…)", m.SHA256, m.Sidecar)
}

// fingerprint identifies data and models before anything is decided.
func (s *Session) fingerprint() error {
	digest := sha256.New()
	source := s.Conditions[0].Source
	inOrder := slices.Clone(s.Stimuli)
	slices.Sort(inOrder)
	for _, i := range inOrder {
		item := source.Item(i)
		io.WriteString(digest, item.ID+"\x00"+item.Category+"\n")
		if item.Category != "" {
			s.Data.Labels++
		}
	}
	s.Data.Kind, s.Data.Stimuli, s.Data.SHA256 = s.Set.Kind, len(s.Stimuli), hex.EncodeToString(digest.Sum(nil))
	for _, path := range s.options.Models {
		hash, err := result.Sum(path)
		if err != nil {
			return err
		}
		m := ModelConfig{SHA256: hash}
		if sidecar, ok := observer.SidecarFile(path, s.options.Preprocessing); ok {
			if m.Sidecar, err = result.Sum(sidecar); err != nil {
				return err
			}
		}
		s.Decided = append(s.Decided, m)
	}
	return nil
}

// Differences names what two runs do not share of data and models.
func Differences(before, now Options, data, dataNow DataConfig, models, modelsNow []ModelConfig) []string {
	var d result.Differences
	if before.Images == now.Images {
		d.Add("what lies in "+now.Images, data.String(), dataNow.String())
	}
	if !slices.Equal(before.Models, now.Models) {
		return d
	}
	for i, path := range now.Models {
		if i < len(models) {
			d.Add("the file "+path, "with "+models[i].fingerprint(), "with "+modelsNow[i].fingerprint())
		}
	}
	return d
}
