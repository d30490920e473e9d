// Package corruption examines how much common corruptions cost a classifier (Hendrycks & Dietterich 2019).
//
// Method. Images are brought to each model's size. Every corruption at every severity is made on demand from a seed that depends on the
// study's seed, the corruption, the severity and the image alone; each observer answers each stimulus once; every answer is a trial.
// A model is shown each block twice: as it is, and with the statistics of its normalisers adapted to the block (Schneider et al. 2020).
// From the trials come accuracies with Wilson intervals, cross-entropy, calibration, mean corruption errors, and differences between
// observers with paired bootstrap intervals over images.
package corruption

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"visus/engine"
	"visus/internal/progress"
	"visus/study/session"
)

// Name is the study's name in config.yaml, trials and findings.
const Name = "corruption"

// Study is an examination: which stimuli, which observers, which corruptions.
type Study struct {
	Options  Options
	Engine   engine.Engine
	Progress progress.Meter // nil: none
	Note     func(string)   // is told what a person should know: choices, warnings, estimates
}

// Options say what to examine. They are recorded in config.yaml, and running them again gives the same trials.
type Options struct {
	session.Options `yaml:",inline"`

	Adapt []string `yaml:"adapt"` // how each model is shown a second time with its normalisers adapted to the block; none: not at all
	Prior float64  `yaml:"prior"` // source pseudo-samples N of the mode prior; 0: twice the block
	Clean string   `yaml:"clean"` // images without corruption that calibrate; "": none
	Shard Shard    `yaml:"shard"`
}

// Shard is part Index (from 1) of Count of an examination; the zero value is the whole.
type Shard struct {
	Index int `yaml:"index"`
	Count int `yaml:"count"`
}

func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Count) }

// Whole says whether the shard is the whole examination.
func (s Shard) Whole() bool { return s.Count <= 1 }

// owns says whether the shard examines the block.
func (s Shard) owns(block int) bool { return s.Whole() || block%s.Count == s.Index-1 }

// Run examines and writes config.yaml, trials.csv, findings.json, figures and report.html to the folder. Where the folder holds the beginning
// of the same examination it goes on from there; another examination is an error. It returns session.ErrInterrupted where its context ends.
func (s Study) Run(ctx context.Context, folder string) (*Findings, error) {
	exam, err := s.prepare(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer exam.close()
	if exam.finished() {
		return exam.conclude(ctx)
	}
	if err := exam.rehearse(ctx); err != nil {
		return nil, err
	}
	if err := exam.begin(); err != nil {
		return nil, err
	}
	if err := exam.show(ctx); err != nil {
		return nil, err
	}
	return exam.conclude(ctx)
}

// examination is a study that has been set up: data opened, models compiled, choices made.
type examination struct {
	Study
	*session.Session
	folder      string
	subjects    []subject // each model as it is, then adapted
	plan        plan
	perStimulus time.Duration // that this machine takes for one stimulus under one condition, all observers together
	config      Config
}

func (x *examination) close() {
	for _, s := range x.subjects {
		if s.method != "" {
			s.Close() // the models themselves are the session's
		}
	}
	if x.Session != nil {
		x.Session.Close()
	}
}

// finished says whether an earlier run recorded all trials.
func (x *examination) finished() bool {
	_, err := os.Stat(x.path(TrialsFile))
	return err == nil
}

func (x *examination) path(name string) string { return filepath.Join(x.folder, name) }

func (s Study) note(format string, args ...any) {
	if s.Note != nil {
		s.Note(fmt.Sprintf(format, args...))
	}
}
