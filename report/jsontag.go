package report

import (
	"reflect"
	"strings"
)

// jsonTag reads a field's json tag.
func jsonTag(field reflect.StructField) (name string, omitEmpty, omitZero, skip bool) {
	tag := field.Tag.Get("json")
	if tag == "-" {
		return "", false, false, true
	}
	name, options, _ := strings.Cut(tag, ",")
	for _, option := range strings.Split(options, ",") {
		omitEmpty = omitEmpty || option == "omitempty"
		omitZero = omitZero || option == "omitzero"
	}
	return name, omitEmpty, omitZero, false
}

// emptyJSON is omitempty's notion of empty.
func emptyJSON(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}
