package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxFileSize bounds a policy file; a thousand profiles fit into a quarter.
const maxFileSize = 1 << 20

// parseNode returns the root of a YAML document, nil when the document is
// empty. Syntax errors are the decoder's problems.
func (d *decoder) parseNode(data []byte) *yaml.Node {
	if len(data) > maxFileSize {
		d.add(1, 1, fmt.Sprintf("the file has %d bytes, at most %d are allowed", len(data), maxFileSize))
		return nil
	}
	if !d.checkText(data) {
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		d.addSyntax(err)
		return nil
	}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		d.addSyntax(err)
		return nil
	case len(doc.Content) != 1:
		return nil
	}
	switch err := loader.Load(&second); {
	case err == nil:
		d.add(second.Line, second.Column, "a second document: a policy file is one YAML document")
		return nil
	case !errors.Is(err, io.EOF):
		d.addSyntax(err)
		return nil
	}
	return doc.Content[0]
}

// addSyntax notes an error of the YAML parser with its place. At the end of the
// file the parser may be one line ahead.
func (d *decoder) addSyntax(err error) {
	var load *yaml.LoadError
	if errors.As(err, &load) {
		at := load.Mark
		if at.Line > d.end.Line {
			at.Line, at.Column = d.end.Line, d.end.Column
		}
		d.add(at.Line, at.Column, "not valid YAML: "+load.Message)
		return
	}
	d.add(1, 1, "not valid YAML: "+err.Error())
}

// checkText refuses bytes that are no YAML text. The parser would too, but
// without a place, and it would take other encodings than UTF-8.
func (d *decoder) checkText(data []byte) bool {
	line, column, indent := 1, 1, true
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			d.add(line, column, fmt.Sprintf("byte 0x%02x is not UTF-8 text", data[0]))
			return false
		case r == '\r' && !bytes.HasPrefix(data, []byte("\r\n")),
			r < ' ' && r != '\n' && r != '\r' && r != '\t', r >= 0x7f && r < 0xa0, r == 0x2028, r == 0x2029:
			d.add(line, column, fmt.Sprintf("control character %U is not allowed", r))
			return false
		case r == '\t' && indent:
			d.add(line, column, "a tab cannot indent: use spaces")
			return false
		case r == '\n':
			line, column, indent = line+1, 1, true
		default:
			column, indent = column+1, indent && r == ' '
		}
		data = data[size:]
	}
	d.end = Position{Line: line, Column: column}
	return true
}
