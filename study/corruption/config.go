package corruption

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"visus/internal/atomicfile"
	"visus/internal/version"
	"visus/internal/yamlfile"
	"visus/observer"
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

const configFile = "config.yaml"

// ReadConfig reads the configuration of a result folder.
func ReadConfig(folder string) (*Config, error) {
	path := filepath.Join(folder, configFile)
	var c Config
	err := yamlfile.Read(path, &c)
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(folder); err != nil {
			return nil, fmt.Errorf("there is no folder %s", folder)
		}
		return nil, fmt.Errorf("%s is not a result folder: it holds no %s", folder, configFile)
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

func (c *Config) write(folder string) error {
	data, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(folder, configFile), func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// earlier returns the configuration of a run that this one goes on with; nil where the folder is new or empty.
// A folder with anything else in it, or with another examination, is an error.
func earlier(folder string, now Config) (*Config, error) {
	info, err := os.Stat(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.IsDir() {
		return nil, fmt.Errorf("the output folder %s is a file; choose another --out", folder)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	if onlyLeftovers(entries) {
		return nil, nil
	}
	before, err := ReadConfig(folder)
	if err != nil {
		return nil, fmt.Errorf("the output folder holds other files: %w; choose another --out", err)
	}
	if different := differences(*before, now); len(different) > 0 {
		return nil, fmt.Errorf("the output folder %s holds another run (different: %s); choose another --out or remove it", folder, strings.Join(different, "; "))
	}
	return before, nil
}

// onlyLeftovers says whether a folder holds nothing, or nothing but temporary files of a run that was killed before its configuration was written.
func onlyLeftovers(entries []os.DirEntry) bool {
	for _, e := range entries {
		if !atomicfile.IsTemporary(e.Name()) {
			return false
		}
	}
	return true
}

// differences names what two runs do not share.
func differences(before, now Config) []string {
	var names []string
	add := func(name string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			names = append(names, fmt.Sprintf("%s %v, now %v", name, a, b))
		}
	}
	add("study", before.Study, now.Study)
	add("visus", before.Visus, now.Visus)
	add("engine", before.Engine, now.Engine)
	add("format", before.Format, now.Format)
	a, b := reflect.ValueOf(before.Options), reflect.ValueOf(now.Options)
	for i := range a.NumField() {
		field := a.Type().Field(i)
		if field.Tag.Get("yaml") == "-" {
			continue
		}
		x, y := a.Field(i), b.Field(i)
		if x.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0 {
			continue
		}
		add(field.Tag.Get("yaml"), x.Interface(), y.Interface())
	}
	if before.Options.Images == now.Options.Images {
		add("what lies in "+now.Options.Images, before.Data.String(), now.Data.String())
	}
	if !slices.Equal(before.Options.Models, now.Options.Models) {
		return names
	}
	for i, path := range now.Options.Models {
		if i < len(before.Models) {
			add("the file "+path, "with "+before.Models[i].fingerprint(), "with "+now.Models[i].fingerprint())
		}
	}
	return names
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
		hash, err := fileSum(path)
		if err != nil {
			return c, err
		}
		m := ModelConfig{SHA256: hash}
		if sidecar, ok := observer.SidecarFile(path, x.Options.Preprocessing); ok {
			if m.Sidecar, err = fileSum(sidecar); err != nil {
				return c, err
			}
		}
		c.Models = append(c.Models, m)
	}
	return c, nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return sum(digest), nil
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// recorded says whether the data were corrupted on disk.
func (c *Config) recorded() bool { return c.Data.Kind == "cifar-c" || c.Data.Kind == "imagenet-c" }
