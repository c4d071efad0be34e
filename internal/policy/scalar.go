package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// decoding is the decode function of a key.
type decoding = func(*decoder, *yaml.Node) change

// word decodes one of a few words.
func word(what string, words []string, set func(e *Effective, index int)) decoding {
	return func(d *decoder, n *yaml.Node) change {
		i := d.choice(n, what, words...)
		if i < 0 {
			return nil
		}
		return func(e *Effective) { set(e, i) }
	}
}

// onOff decodes a switch.
func onOff(what string, set func(e *Effective, on bool)) decoding {
	return word(what, []string{"off", "on"}, func(e *Effective, i int) { set(e, i == 1) })
}

// number decodes an integer between two bounds.
func number(what string, least, most int, set func(*Effective, int)) decoding {
	return func(d *decoder, n *yaml.Node) change {
		text, ok := d.text(n, what)
		if !ok {
			return nil
		}
		v, err := strconv.Atoi(text)
		if err != nil || v < least || v > most {
			d.problem(n, "%s is %q; allowed: a number from %d to %d", what, clip(text), least, most)
			return nil
		}
		return func(e *Effective) { set(e, v) }
	}
}

// duration decodes a time with its unit.
func duration(what string, least, most time.Duration,
	set func(*Effective, time.Duration)) decoding {
	return func(d *decoder, n *yaml.Node) change {
		text, ok := d.text(n, what)
		if !ok {
			return nil
		}
		v, err := time.ParseDuration(text)
		if err != nil || v < least || v > most {
			d.problem(n, "%s is %q; allowed: a time from %s to %s, as in 90s, 10m or 24h", what, clip(text), short(least), short(most))
			return nil
		}
		return func(e *Effective) { set(e, v) }
	}
}

// short prints a duration without zero units: 24h0m0s is 24h.
func short(v time.Duration) string {
	text := v.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// named is a word of a file and its value.
type named[T any] struct {
	name  string
	value T
}

// namedList decodes a list of known words that may not be empty.
func namedList[T comparable](what string, table []named[T], set func(*Effective, []T)) decoding {
	return func(d *decoder, n *yaml.Node) change {
		names := make([]string, len(table))
		for i, row := range table {
			names[i] = row.name
		}
		return list(what, true, func(_ *decoder, text string) (T, error) {
			if i := slices.Index(names, text); i >= 0 {
				return table[i].value, nil
			}
			var none T
			return none, fmt.Errorf("%q is not known; allowed: %s%s", clip(text),
				strings.Join(names, ", "), didYouMean(text, names))
		}, set)(d, n)
	}
}

// list decodes a list with one parse function for its items.
func list[T any](what string, filled bool, parse func(d *decoder, text string) (T, error),
	set func(*Effective, []T)) decoding {
	return func(d *decoder, n *yaml.Node) change {
		values, ok := []T{}, true
		isList := d.texts(n, what, func(item *yaml.Node, text string) {
			v, err := parse(d, text)
			if err != nil {
				d.problem(item, "%s: %v", what, err)
				ok = false
				return
			}
			values = append(values, v)
		})
		if !isList {
			return nil
		}
		if filled && len(n.Content) == 0 {
			d.problem(n, "%s is an empty list, it needs at least one item", what)
			return nil
		}
		if !ok {
			return nil
		}
		return func(e *Effective) { set(e, values) }
	}
}
