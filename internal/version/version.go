// Package version knows which visus this is.
package version

import "runtime/debug"

// Number is the version of the next release.
const Number = "0.1.0"

// String returns the version, with the revision where the binary was built from a checkout.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Number
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return Number + "+" + s.Value[:12]
		}
	}
	return Number
}
