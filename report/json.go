package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
)

// WriteJSON writes findings as indented JSON with a final newline: struct fields in their order, map keys sorted, and NaN and
// infinities, which JSON lacks, as null. The value is described as for encoding/json; types with a MarshalJSON of their own use it.
func WriteJSON(w io.Writer, v any) error {
	plain, err := plainJSON(reflect.ValueOf(v))
	if err != nil {
		return fmt.Errorf("report: JSON: %w", err)
	}
	b, err := json.MarshalIndent(plain, "", "  ")
	if err != nil {
		return fmt.Errorf("report: JSON: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

var (
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()
)

// plainJSON copies a value into one that encoding/json takes, null for numbers that are none.
func plainJSON(v reflect.Value) (any, error) {
	if !v.IsValid() {
		return nil, nil
	}
	if v.Type().Implements(marshaler) || (v.Type().Implements(textMarshaler) && v.Kind() != reflect.Float64) {
		return v.Interface(), nil
	}
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, nil
		}
		return v.Interface(), nil
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil, nil
		}
		return plainJSON(v.Elem())
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && (v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8) {
			return v.Interface(), nil
		}
		list := make([]any, v.Len())
		for i := range list {
			item, err := plainJSON(v.Index(i))
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	case reflect.Map:
		return plainMap(v)
	case reflect.Struct:
		return plainStruct(v)
	}
	return v.Interface(), nil
}

// plainMap keeps the keys, whose order encoding/json settles.
func plainMap(v reflect.Value) (any, error) {
	if v.IsNil() {
		return nil, nil
	}
	out := reflect.MakeMap(reflect.MapOf(v.Type().Key(), reflect.TypeFor[any]()))
	for it := v.MapRange(); it.Next(); {
		item, err := plainJSON(it.Value())
		if err != nil {
			return nil, err
		}
		if item == nil {
			out.SetMapIndex(it.Key(), reflect.Zero(reflect.TypeFor[any]()))
			continue
		}
		out.SetMapIndex(it.Key(), reflect.ValueOf(item))
	}
	return out.Interface(), nil
}

// plainStruct rebuilds the struct with fields of type any under the same names and tags; the tags' omitempty and omitzero are
// decided here, on the original values.
func plainStruct(v reflect.Value) (any, error) {
	var out object
	for _, field := range reflect.VisibleFields(v.Type()) {
		if len(field.Index) > 1 || (!field.IsExported() && !field.Anonymous) {
			continue // promoted fields come with their embedded struct
		}
		name, omitEmpty, omitZero, skip := jsonTag(field)
		value := v.FieldByIndex(field.Index)
		if skip || (omitZero && value.IsZero()) || (omitEmpty && emptyJSON(value)) {
			continue
		}
		if field.Anonymous && name == "" {
			if value.Kind() == reflect.Pointer {
				if value.IsNil() {
					continue
				}
				value = value.Elem()
			}
			if value.Kind() == reflect.Struct {
				inner, err := plainStruct(value)
				if err != nil {
					return nil, err
				}
				out = append(out, inner.(object)...)
				continue
			}
		}
		if !field.IsExported() {
			continue
		}
		if name == "" {
			name = field.Name
		}
		item, err := plainJSON(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, member{name, item})
	}
	return out, nil
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
