package trial

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// performances is the folder in which the field's toolbox keeps tables of another kind: see Performance.
const performances = "performances"

// Files returns the tables (.csv, .csv.gz) in a folder and the folders in it, in the order of their names. A result folder has one,
// its trials.csv; of one file it is the file itself. It reports an error where there is none.
func Files(root string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (entry.Name() == performances || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case entry.IsDir():
			if table := filepath.Join(path, TableFile); exists(table) {
				files = append(files, table)
				return fs.SkipDir
			}
		case strings.HasSuffix(path, ".csv"), strings.HasSuffix(path, ".csv.gz"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("trial: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("trial: %s holds no tables; expected files *.csv or *.csv.gz", root)
	}
	return files, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Table is one file's trials, in its order.
type Table struct {
	Path   string
	Trials []Trial
}

// ReadFiles reads tables side by side on all cores; they come in the order of the paths. It reports the error of the first file that has
// one, with file and row.
func ReadFiles(paths []string) ([]Table, error) {
	tables := make([]Table, len(paths))
	failures := make([]error, len(paths))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(paths)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(paths); i = int(next.Add(1)) - 1 {
				tables[i], failures[i] = readTable(paths[i])
			}
		})
	}
	workers.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	return tables, nil
}

func readTable(path string) (Table, error) {
	const first, most = 256, 4096 // rows of a chunk: a table that grows is copied once, and a small one takes no more than it needs
	var chunks [][]Trial
	for row, err := range ReadFile(path) {
		if err != nil {
			return Table{}, err
		}
		last := len(chunks) - 1
		if last < 0 || len(chunks[last]) == cap(chunks[last]) {
			chunks = append(chunks, make([]Trial, 0, min(most, first<<len(chunks))))
			last++
		}
		chunks[last] = append(chunks[last], row)
	}
	if len(chunks) == 1 {
		return Table{path, chunks[0]}, nil
	}
	return Table{path, slices.Concat(chunks...)}, nil
}

// ReadFolder reads all tables of a folder: see Files.
func ReadFolder(root string) ([]Table, error) {
	files, err := Files(root)
	if err != nil {
		return nil, err
	}
	return ReadFiles(files)
}
