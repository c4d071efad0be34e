package policy

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v4"
)

// decodePins decodes trust.pins: host names with lists of hashes.
func decodePins(d *decoder, n *yaml.Node) change {
	pins, before := map[string][]Pin{}, len(d.problems)
	ok := d.mapping(n, "trust.pins", func(k, v *yaml.Node) {
		host, err := parseHost(k.Value)
		if prefix, notAddress := parsePrefix(k.Value); notAddress == nil && prefix.IsSingleIP() {
			host, err = prefix.Addr().String(), nil
		}
		if err != nil {
			d.problem(k, "trust.pins: %v", err)
			return
		}
		if pins[host] != nil {
			d.problem(k, "trust.pins: %s is listed twice", host)
			return
		}
		list("trust.pins of "+host, true, parsePin,
			func(_ *Effective, p []Pin) { pins[host] = p })(d, v).run(nil)
	})
	if !ok || len(d.problems) > before {
		return nil
	}
	return func(e *Effective) { e.Pins = pins }
}

// run applies a change that may be nil.
func (c change) run(e *Effective) {
	if c != nil {
		c(e)
	}
}

func parsePin(_ *decoder, text string) (Pin, error) {
	encoded, ok := strings.CutPrefix(text, "sha256/")
	hash, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(hash) != len(Pin{}) {
		return Pin{}, fmt.Errorf("%q is not sha256/ and the base64 text of 32 bytes", clip(text))
	}
	return Pin(hash), nil
}

// parseFile checks that a file the policy names is there.
func parseFile(d *decoder, text string) (string, error) {
	path := d.path(text)
	info, err := fs.Stat(d.files, strings.TrimPrefix(path, "/"))
	switch {
	case err != nil:
		return "", fileError(path, err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	return path, nil
}
