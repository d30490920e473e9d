// Package yamlfile reads the YAML files that people write beside models and results.
package yamlfile

import (
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
)

// Read decodes a file into a struct. A field that the struct does not have is an error that names it, as is whatever the parser cannot take.
func Read(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := decode(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// decode turns the parser's panics into errors: fuzzing finds text that crashes it, such as a tag in front of nothing where a list is expected.
func decode(data []byte, into any) (err error) {
	defer func() {
		if crash := recover(); crash != nil {
			err = fmt.Errorf("not YAML that can be read: %v", crash)
		}
	}()
	return yaml.UnmarshalWithOptions(data, into, yaml.Strict())
}
