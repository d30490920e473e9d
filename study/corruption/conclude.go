package corruption

import (
	"context"
	"io"
	"iter"

	"visus/internal/atomicfile"
	"visus/report"
	"visus/study/result"
	"visus/study/session"
	"visus/trial"
)

// The files of a result folder.
const (
	TrialsFile   = trial.TableFile
	FindingsFile = "findings.json"
	ReportFile   = "report.html"
)

// conclude measures the trials and writes findings, figures, tables and the report.
func (x *examination) conclude(ctx context.Context) (*Findings, error) {
	if err := result.Sweep(x.folder); err != nil {
		return nil, err
	}
	chosen := x.galleryStimuli()
	rows, answers := x.keep(until(ctx, trial.ReadFile(x.path(TrialsFile))), chosen)
	findings, err := x.measurement().measure(rows, x.Options.Seed)
	if err != nil {
		return nil, err
	}
	findings.Visus, findings.Engine = x.config.Visus, x.config.Engine
	findings.Config, findings.Warnings = x.config, x.config.Warnings
	if ctx.Err() != nil {
		return nil, session.ErrInterrupted
	}
	gallery, err := x.gallery(ctx, chosen, answers)
	if err != nil {
		return nil, err
	}
	if err := x.writeReport(findings, gallery); err != nil {
		return nil, err
	}
	return findings, nil
}

// until ends a table with session.ErrInterrupted where the context ends.
func until(ctx context.Context, rows iter.Seq2[trial.Trial, error]) iter.Seq2[trial.Trial, error] {
	return func(yield func(trial.Trial, error) bool) {
		for row, err := range rows {
			if err == nil && ctx.Err() != nil {
				err = session.ErrInterrupted
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// measurement says how this examination's trials are read.
func (x *examination) measurement() *measurement {
	m := &measurement{plan: x.plan, basis: Agreement, conditions: x.Conditions, stimuli: x.Stimuli, weight: weights(x.Conditions)}
	if x.config.Data.Labels > 0 {
		m.basis = Accuracy
	}
	for _, s := range x.subjects {
		m.subjects = append(m.subjects, member{s.name, x.Models[s.model].Name(), s.method, x.Models[s.model].Classes.Names()})
	}
	return m
}

func (x *examination) writeReport(f *Findings, gallery *report.Browser) error {
	if err := atomicfile.Write(x.path(FindingsFile), func(w io.Writer) error { return report.WriteJSON(w, f) }); err != nil {
		return err
	}
	return x.page(f, gallery).Save(x.folder)
}
