package corruption

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sort"

	"visus/internal/atomicfile"
	"visus/trial"
)

// Merge puts the shards of an examination together: their trials in the order of the whole, measured and reported as one.
// It reports an error where a shard is missing, unfinished, doubled or of another examination.
func (s Study) Merge(ctx context.Context, parts []string, folder string) (*Findings, error) {
	configs, err := readShards(parts)
	if err != nil {
		return nil, err
	}
	s.Options = configs[0].Options
	s.Options.Shard = Shard{}
	exam, err := s.prepare(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer exam.close()
	if different := differences(configs[0].whole(), exam.config); len(different) > 0 {
		return nil, fmt.Errorf("corruption: the shards were made of something else than what lies there now: %v", different)
	}
	tables := make([]iter.Seq2[trial.Trial, error], len(configs))
	for i, c := range configs {
		tables[i] = trial.ReadFile(filepath.Join(c.folder, TrialsFile))
	}
	blocks := func(block int) (table, rows int) {
		if block >= exam.plan.blocks() {
			return 0, 0
		}
		return block % len(tables), exam.plan.blockSize(block) * exam.plan.conditions * exam.plan.observers
	}
	err = atomicfile.Write(exam.path(TrialsFile), func(w io.Writer) error { return trial.Interleave(w, tables, blocks) })
	if err != nil {
		return nil, err
	}
	return exam.conclude(ctx)
}

// shard is the configuration of one part.
type shard struct {
	Config
	folder string
}

// whole is the configuration without the shard.
func (c Config) whole() Config {
	c.Options.Shard = Shard{}
	return c
}

func readShards(parts []string) ([]shard, error) {
	var all []shard
	for _, folder := range parts {
		c, err := ReadConfig(folder)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(filepath.Join(folder, TrialsFile)); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("corruption: %s (shard %s) is not finished: run its command again to go on", folder, c.Options.Shard)
		}
		all = append(all, shard{*c, folder})
	}
	sort.SliceStable(all, func(a, b int) bool { return all[a].Options.Shard.Index < all[b].Options.Shard.Index })
	for i, c := range all {
		if different := differences(all[0].whole(), c.whole()); len(different) > 0 {
			return nil, fmt.Errorf("corruption: %s and %s are shards of different examinations: %v", all[0].folder, c.folder, different)
		}
		if want := (Shard{i + 1, len(all)}); c.Options.Shard != want {
			return nil, fmt.Errorf("corruption: %d folders were given; expected shard %s, found shard %s in %s", len(all), want, c.Options.Shard, c.folder)
		}
	}
	return all, nil
}
