package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"visus/engine/choice"
	"visus/study/adaptation"
	"visus/study/adversarial"
	"visus/study/corruption"
	"visus/study/humans"
	"visus/study/rescaling"
	"visus/study/result"
	"visus/study/training"
)

type rerunCommand struct {
	Folder string `arg:"" help:"Result folder of an examination or a training." type:"path"`
	Out    string `help:"Folder of the new results; default: the old name with -rerun." type:"path"`
}

// Help adds an example to --help.
func (rerunCommand) Help() string {
	return `Example:

  # the same examination again, into result-rerun/; says whether every trial came out the same
  visus rerun result/`
}

// Run does again what config.yaml of the folder says, and compares what came out byte for byte.
func (c *rerunCommand) Run(ctx context.Context, t terminal) error {
	study, err := result.Study(c.Folder)
	if err != nil {
		return err
	}
	out := c.Out
	if out == "" {
		out = strings.TrimRight(c.Folder, string(filepath.Separator)) + "-rerun"
	}
	again, ok := rerunners[study]
	if !ok {
		return fmt.Errorf("%s holds what the command %s wrote; expected an examination or a training", c.Folder, study)
	}
	if err := again.run(ctx, t, c.Folder, out); err != nil {
		return err
	}
	same, err := sameFile(filepath.Join(c.Folder, again.file), filepath.Join(out, again.file))
	if err != nil {
		return err
	}
	if !same {
		return fmt.Errorf("%s of %s and %s differ; their config.yaml say what changed (visus, engine, models, images)", again.what, c.Folder, out)
	}
	fmt.Fprintln(t.Out, again.same)
	return nil
}

// rerunners say, for each study, how it is run again and which file must come out the same.
var rerunners = map[string]struct {
	run              func(ctx context.Context, t terminal, folder, out string) error
	file, what, same string
}{
	corruption.Name: {func(ctx context.Context, t terminal, folder, out string) error {
		config, err := corruption.ReadConfig(folder)
		if err != nil {
			return err
		}
		_, err = examine(ctx, t, config.Options, choice.By(config.Engine), out)
		return err
	}, corruption.TrialsFile, "the trials", "every trial came out the same"},
	adaptation.Name: {func(ctx context.Context, t terminal, folder, out string) error {
		var config adaptation.Config
		if err := result.Read(folder, &config); err != nil {
			return err
		}
		return examineAdaptation(ctx, t, config.Options, choice.By(config.Engine), out)
	}, corruption.TrialsFile, "the trials", "every trial came out the same"},
	humans.Name: {func(ctx context.Context, t terminal, folder, out string) error {
		var config humans.Config
		if err := result.Read(folder, &config); err != nil {
			return err
		}
		return compareHumans(ctx, t, config.Options, choice.By(config.Engine), out)
	}, humans.FindingsFile, "the findings", "every number came out the same"},
	adversarial.Name: {func(ctx context.Context, t terminal, folder, out string) error {
		var config adversarial.Config
		if err := result.Read(folder, &config); err != nil {
			return err
		}
		return examineAttacks(ctx, t, config.Options, choice.By(config.Engine), out)
	}, corruption.TrialsFile, "the trials", "every trial came out the same"},
	rescaling.Name: {func(ctx context.Context, t terminal, folder, out string) error {
		var config rescaling.Config
		if err := result.Read(folder, &config); err != nil {
			return err
		}
		return rescaleSamples(ctx, t, config.Options, choice.By(config.Engine), out, false)
	}, rescaling.SamplesFile, "the samples", "every sample came out the same"},
	training.Name: {func(ctx context.Context, t terminal, folder, out string) error {
		config, err := training.ReadConfig(folder)
		if err != nil {
			return err
		}
		return trainClassifier(ctx, t, config.Options, choice.By(config.Engine), out, nil)
	}, training.ModelFile, "the trained models", "the trained model came out the same, bit for bit"},
}

// sameFile compares two files byte for byte.
func sameFile(a, b string) (bool, error) {
	x, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer x.Close()
	y, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer y.Close()
	p, q := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err := io.ReadFull(x, p)
		m, err2 := io.ReadFull(y, q)
		if string(p[:n]) != string(q[:m]) {
			return false, nil
		}
		if err != nil || err2 != nil {
			end := func(e error) bool { return e == io.EOF || e == io.ErrUnexpectedEOF }
			switch {
			case end(err) && end(err2):
				return true, nil
			case err != nil && !end(err):
				return false, err
			}
			return false, err2
		}
	}
}
