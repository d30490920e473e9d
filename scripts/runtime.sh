#!/bin/sh
# Fetches the shared libraries that visus loads at run time: scripts/runtime.sh [DIR], by default into .cache/lib of the checkout.
# A library that is present with a known SHA-256 is left alone. Packages come through pip or npm, whichever this machine has,
# so a mirror or proxy that they are configured for is used. ONNX Runtime has to be there in the end; oneDNN, which only makes training
# faster, may be missing.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:-$root/.cache/lib}
sums=$root/scripts/runtime.sha256

case $(uname -s)-$(uname -m) in
Linux-x86_64) platform=linux-x86_64 ;;
Linux-aarch64 | Linux-arm64) platform=linux-aarch64 ;;
Darwin-arm64) platform=darwin-arm64 ;;
*) platform=$(uname -s)-$(uname -m) ;;
esac

say() { echo "runtime: $*"; }

sum() {
	if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# known FILE PACKAGE: the file's sum is in the list, for this platform and package.
known() {
	[ -f "$1" ] && grep -q "^$(sum "$1")  $platform  $2" "$sums"
}

# from_pip PACKAGE==VERSION TAG FILE and from_npm PACKAGE@VERSION FILE leave that file of a package, given by a pattern, at $work/library.
# They fail quietly where their tool is missing, with its message otherwise.
from_pip() {
	for python in python3 python; do
		if "$python" -m pip --version >/dev/null 2>&1; then
			say "fetching $1 for $2 with pip"
			"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
				--python-version 3.12 --platform "$2" --dest "$work" "$1" || return 1
			"$python" -m zipfile -e "$work"/*.whl "$work/wheel" || return 1
			mv "$work"/wheel/$3 "$work/library"
			return
		fi
	done
	return 1
}

from_npm() {
	command -v npm >/dev/null 2>&1 || return 1
	say "fetching $1 with npm"
	(cd "$work" && npm pack --silent "$1" >/dev/null && tar -xzf ./*.tgz "package/${2%/*}") || return 1
	mv "$work"/package/$2 "$work/library"
}

fetch_onnxruntime() {
	case $platform in
	linux-x86_64) tag=manylinux_2_28_x86_64 node=linux/x64 ;;
	linux-aarch64) tag=manylinux_2_28_aarch64 node=linux/arm64 ;;
	darwin-arm64) tag=macosx_14_0_arm64 node=darwin/arm64 ;;
	esac
	from_pip onnxruntime==$1 $tag "onnxruntime/capi/libonnxruntime.*$1*" || from_npm onnxruntime-node@$1 "bin/napi-v6/$node/libonnxruntime.*"
}

fetch_onednn() {
	from_pip onednn-cpu-gomp==2023.2.0 manylinux1_x86_64 "onednn_cpu_gomp-2023.2.0.data/data/lib/libdnnl.so.$1"
}

# install PACKAGE VERSION NAME: puts the library that fetch_PACKAGE gets into the folder, unless it is there. It fails where that fails.
install() {
	if known "$dir/$3" "$1"; then
		say "$1 $2 is in $dir"
		return
	fi
	mkdir -p "$dir" && work=$(mktemp -d "$dir/fetch.XXXXXX") || return 1
	"fetch_$1" "$2" || return 1
	if ! known "$work/library" "$1"; then
		say "$3 has SHA-256 $(sum "$work/library"), which $sums does not list for $platform: not installed" >&2
		return 1
	fi
	mv -f "$work/library" "$dir/$3" || return 1 # one rename: a library that a running program has open stays whole
	rm -rf "$work"
	say "installed $1 $2 as $dir/$3 (SHA-256 checked)"
}

work=
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

if [ $platform != linux-x86_64 ]; then
	say "no oneDNN package is known for $platform: visus trains without it, slower"
	say "a system's oneDNN 3.x is found, too: libdnnl-dev of Debian 13 or Ubuntu 24.04, onednn of Homebrew"
elif ! install onednn 3.2 libdnnl.so.3; then
	say "oneDNN could not be installed: visus trains without it, slower" >&2
	say "unpack the wheel onednn-cpu-gomp 2023.2.0 and set VISUS_ONEDNN to the libdnnl.so.3.2 in it" >&2
	rm -rf "$work"
fi

case $platform in
linux-*) name=libonnxruntime.so ;;
darwin-*) name=libonnxruntime.dylib ;;
*)
	say "no ONNX Runtime package is known for $platform: install ONNX Runtime 1.24 or later and set VISUS_ONNXRUNTIME to its library" >&2
	exit 1
	;;
esac
if ! install onnxruntime 1.30.0 $name; then
	say "ONNX Runtime could not be installed" >&2
	say "unpack the archive of its release 1.30.0 for $platform and set VISUS_ONNXRUNTIME to the libonnxruntime in it" >&2
	exit 1
fi
