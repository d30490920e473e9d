// Package result keeps result folders: their config.yaml, and whether a run may go on in one.
package result

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"

	"visus/internal/atomicfile"
	"visus/internal/yamlfile"
)

// ConfigFile holds what was asked and decided.
const ConfigFile = "config.yaml"

// Read reads config.yaml of a result folder into a struct. A field that the struct lacks is an error that names it.
func Read(folder string, config any) error {
	return explain(folder, yamlfile.Read(path(folder), config))
}

// Study returns the field "study" of config.yaml: who wrote the folder.
func Study(folder string) (string, error) {
	data, err := os.ReadFile(path(folder))
	if err != nil {
		return "", explain(folder, err)
	}
	study, err := field(data, "$.study")
	if err != nil {
		return "", fmt.Errorf("%s: %w", path(folder), err)
	}
	return study, nil
}

// field reads one field of a document; the parser's panics, which fuzzing finds, become errors.
func field(data []byte, where string) (value string, err error) {
	defer func() {
		if crash := recover(); crash != nil {
			err = fmt.Errorf("not YAML that can be read: %v", crash)
		}
	}()
	at, err := yaml.PathString(where)
	if err != nil {
		return "", err
	}
	return value, at.Read(strings.NewReader(string(data)), &value)
}

func path(folder string) string { return filepath.Join(folder, ConfigFile) }

// explain says what a folder without a configuration is.
func explain(folder string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(folder); err != nil {
		return fmt.Errorf("there is no folder %s", folder)
	}
	return fmt.Errorf("%s is not a result folder: it holds no %s", folder, ConfigFile)
}

// Write writes config.yaml, whole or not at all.
func Write(folder string, config any) error {
	data, err := yaml.Marshal(config)
	if err != nil {
		return err
	}
	return atomicfile.Write(path(folder), func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Begin makes the folder with its config.yaml; a folder that it cannot fill is taken away again.
func Begin(folder string, config any) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	err := Write(folder, config)
	if err != nil {
		os.Remove(folder) // only where it is empty
	}
	return err
}

// Earlier returns the configuration of the run of this study that a new run into the folder goes on with; nil where the folder is new or
// empty. A folder with anything else in it, or with a run that differs from the new one, is an error. differences names what two runs do
// not share.
func Earlier[C any](folder, study string, differences func(before C) []string) (*C, error) {
	info, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
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
	wrote, err := Study(folder)
	if err != nil {
		return nil, fmt.Errorf("the output folder holds other files: %w; choose another --out", err)
	}
	var before C
	if wrote != study {
		return nil, another(folder, []string{fmt.Sprintf("study %s, now %s", wrote, study)})
	}
	if err := Read(folder, &before); err != nil {
		return nil, fmt.Errorf("the output folder holds other files: %w; choose another --out", err)
	}
	if different := differences(before); len(different) > 0 {
		return nil, another(folder, different)
	}
	return &before, nil
}

func another(folder string, different []string) error {
	return fmt.Errorf("the output folder %s holds another run (different: %s); choose another --out or remove it", folder, strings.Join(different, "; "))
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

// Differences names what two runs do not share.
type Differences []string

// Add compares one thing.
func (d *Differences) Add(name string, before, now any) {
	if !reflect.DeepEqual(before, now) {
		*d = append(*d, fmt.Sprintf("%s %v, now %v", name, before, now))
	}
}

// AddFields compares two structs of one type field by field, under their names in YAML. Fields tagged yaml:"-" do not count; an empty list
// is none. The fields of an embedded struct count as if they were its own.
func (d *Differences) AddFields(before, now any) {
	a, b := reflect.ValueOf(before), reflect.ValueOf(now)
	for i := range a.NumField() {
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("yaml"), ",")
		x, y := a.Field(i), b.Field(i)
		if a.Type().Field(i).Anonymous {
			d.AddFields(x.Interface(), y.Interface())
			continue
		}
		if name == "-" || x.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0 {
			continue
		}
		d.Add(name, x.Interface(), y.Interface())
	}
}

// Sum returns the SHA-256 of a file in hexadecimal digits.
func Sum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// Sweep removes the temporary files that a killed process left anywhere below a folder, which may be absent.
func Sweep(folder string) error {
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !atomicfile.IsTemporary(d.Name()) {
			return err
		}
		return os.Remove(path)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Inside says whether a path lies in a folder, or is it.
func Inside(path, folder string) bool {
	p, err := filepath.Abs(path)
	f, err2 := filepath.Abs(folder)
	if err != nil || err2 != nil {
		return false
	}
	return p == f || strings.HasPrefix(p, strings.TrimSuffix(f, string(filepath.Separator))+string(filepath.Separator))
}

// Quoted is a path as a shell takes it.
func Quoted(path string) string {
	if strings.ContainsAny(path, " '\"$&();<>|*?`\\") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
