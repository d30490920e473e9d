package graph

import (
	"maps"
	"slices"
)

// Changed lists the operators that Upgrade writes anew.
func Changed() []string { return slices.Sorted(maps.Keys(changed)) }
