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
	"strings"

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
		return nil, fmt.Errorf("corruption: the shards were made of something else than what lies there now (different: %s)", strings.Join(different, "; "))
	}
	if err := exam.begin(); err != nil {
		return nil, err
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
	for _, c := range all {
		if c.Options.Shard.Whole() {
			return nil, fmt.Errorf("corruption: %s holds a whole examination, not a shard", c.folder)
		}
		if different := differences(all[0].whole(), c.whole()); len(different) > 0 {
			return nil, fmt.Errorf("corruption: %s and %s are shards of different examinations (different: %s)", all[0].folder, c.folder, strings.Join(different, "; "))
		}
	}
	return all, complete(all)
}

// complete says which shard is missing or given twice.
func complete(all []shard) error {
	given := map[Shard]string{}
	for _, c := range all {
		s := c.Options.Shard
		if s.Count != all[0].Options.Shard.Count {
			return fmt.Errorf("corruption: %s is shard %s and %s is shard %s; expected shards of one division", all[0].folder, all[0].Options.Shard, c.folder, s)
		}
		if twice, ok := given[s]; ok {
			return fmt.Errorf("corruption: %s and %s are both shard %s", twice, c.folder, s)
		}
		given[s] = c.folder
	}
	n := all[0].Options.Shard.Count
	for i := 1; i <= n; i++ {
		if s := (Shard{i, n}); given[s] == "" {
			return fmt.Errorf("corruption: shard %s is missing; give the folders of all %d", s, n)
		}
	}
	return nil
}
