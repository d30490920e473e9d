package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"visus/study/corruption"
)

type rerunCommand struct {
	Folder string `arg:"" help:"Result folder of an examination." type:"path"`
	Out    string `help:"Folder of the new results; default: the old name with -rerun." type:"path"`
}

// Help adds an example to --help.
func (rerunCommand) Help() string {
	return `Example:

  # the same examination again, into result-rerun/; says whether every trial came out the same
  visus rerun result/`
}

// Run examines again what config.yaml of the folder says, and compares the trials byte for byte.
func (c *rerunCommand) Run(ctx context.Context, t terminal) error {
	config, err := corruption.ReadConfig(c.Folder)
	if err != nil {
		return err
	}
	if config.Study != corruption.Name {
		return fmt.Errorf("%s holds what the command %s wrote; expected an examination", c.Folder, config.Study)
	}
	out := c.Out
	if out == "" {
		out = strings.TrimRight(c.Folder, string(filepath.Separator)) + "-rerun"
	}
	if _, err := examine(ctx, t, config.Options, out); err != nil {
		return err
	}
	same, err := sameFile(filepath.Join(c.Folder, corruption.TrialsFile), filepath.Join(out, corruption.TrialsFile))
	if err != nil {
		return err
	}
	if !same {
		return fmt.Errorf("the trials of %s and %s differ; their config.yaml say what changed (visus, engine, models, images)", c.Folder, out)
	}
	fmt.Fprintln(t.Out, "every trial came out the same")
	return nil
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
