#!/bin/sh
# Fetches the shared libraries that visus loads at run time: scripts/runtime.sh [DIR], by default into .cache/lib of the checkout.
# A library that is present with a known SHA-256 is left alone. Packages come through pip or npm, whichever this machine has,
# so a mirror or proxy that they are configured for is used.
set -eu

version=1.30.0
root=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:-$root/.cache/lib}
sums=$root/scripts/runtime.sha256

case $(uname -s)-$(uname -m) in
Linux-x86_64) platform=linux-x86_64 wheel=manylinux_2_28_x86_64 node=linux/x64 name=libonnxruntime.so ;;
Linux-aarch64 | Linux-arm64) platform=linux-aarch64 wheel=manylinux_2_28_aarch64 node=linux/arm64 name=libonnxruntime.so ;;
Darwin-arm64) platform=darwin-arm64 wheel=macosx_14_0_arm64 node=darwin/arm64 name=libonnxruntime.dylib ;;
*)
	echo "runtime: no ONNX Runtime package is known for $(uname -s) on $(uname -m): install ONNX Runtime 1.24 or later and set VISUS_ONNXRUNTIME to its library" >&2
	exit 1
	;;
esac

sum() {
	if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# known FILE: its sum is in the list, for this platform.
known() {
	[ -f "$1" ] && grep -q "^$(sum "$1")  $platform " "$sums"
}

# from_pip and from_npm leave the library at $work/$name. They fail quietly where their tool is missing, with its message otherwise.
from_pip() {
	for python in python3 python; do
		if "$python" -m pip --version >/dev/null 2>&1; then
			echo "runtime: fetching onnxruntime $version for $wheel with pip"
			"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
				--python-version 3.12 --platform "$wheel" --dest "$work" "onnxruntime==$version" || return 1
			"$python" -m zipfile -e "$work"/onnxruntime-*.whl "$work/wheel" || return 1
			mv "$work"/wheel/onnxruntime/capi/libonnxruntime.*"$version"* "$work/$name"
			return
		fi
	done
	return 1
}

from_npm() {
	command -v npm >/dev/null 2>&1 || return 1
	echo "runtime: fetching onnxruntime-node $version with npm"
	(cd "$work" && npm pack --silent "onnxruntime-node@$version" >/dev/null && tar -xzf onnxruntime-node-*.tgz "package/bin/napi-v6/$node") || return 1
	for file in "$work/package/bin/napi-v6/$node"/libonnxruntime.*; do
		mv "$file" "$work/$name"
	done
}

if known "$dir/$name"; then
	echo "runtime: ONNX Runtime $version is in $dir"
	exit 0
fi

mkdir -p "$dir"
work=$(mktemp -d "$dir/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

if ! from_pip && ! from_npm; then
	echo "runtime: neither pip nor npm could fetch ONNX Runtime $version: unpack the archive of its release $version for $platform and set VISUS_ONNXRUNTIME to the libonnxruntime in it" >&2
	exit 1
fi
if ! known "$work/$name"; then
	echo "runtime: $name has SHA-256 $(sum "$work/$name"), which $sums does not list for $platform: nothing installed" >&2
	exit 1
fi
mv -f "$work/$name" "$dir/$name" # one rename: a library that a running program has open stays whole
echo "runtime: installed ONNX Runtime $version as $dir/$name (SHA-256 checked)"
