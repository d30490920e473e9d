package corruption

import (
	"visus/internal/version"
	"visus/study/result"
	"visus/study/session"
)

// Config is config.yaml of a result folder: what was asked, and what it was asked of. It holds all that the trials depend on.
type Config struct {
	Visus    string                `yaml:"visus"` // version
	Study    string                `yaml:"study"`
	Engine   string                `yaml:"engine"`
	Options  Options               `yaml:"options"`
	Data     session.DataConfig    `yaml:"data"`
	Models   []session.ModelConfig `yaml:"decided"`
	Warnings []string              `yaml:"warnings,omitempty"`
	Format   string                `yaml:"format,omitempty"` // of written images
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
	return append(d, session.Differences(before.Options.Options, now.Options.Options, before.Data, now.Data, before.Models, now.Models)...)
}

// newConfig describes the examination before anything is decided.
func (x *examination) newConfig() Config {
	c := Config{Visus: version.String(), Study: Name, Options: x.Options, Data: x.Data, Models: x.Decided}
	if x.Engine != nil {
		c.Engine = x.Engine.Name()
	}
	return c
}
