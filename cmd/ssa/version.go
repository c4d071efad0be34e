package main

import "runtime/debug"

// release is set by the build of a release: -ldflags "-X main.release=1.0".
var release = ""

func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
