package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// decodePlainTCP decodes plain_tcp: allow, deny, or a list of destinations.
func decodePlainTCP(d *decoder, n *yaml.Node) change {
	if n.Kind == yaml.ScalarNode {
		return word("plain_tcp", []string{"allow", "deny"}, func(e *Effective, i int) {
			e.PlainTCP = PlainTCP{Mode: []PlainTCPMode{PlainTCPAllow, PlainTCPDeny}[i]}
		})(d, n)
	}
	return list("plain_tcp", true,
		func(_ *decoder, text string) (Destination, error) { return parseAddressed(text) },
		func(e *Effective, to []Destination) { e.PlainTCP = PlainTCP{PlainTCPList, to} })(d, n)
}

// decodeUpgrade decodes upgrade: a list of ranges, ports and names.
func decodeUpgrade(d *decoder, n *yaml.Node) change {
	upgrades, before := []Upgrade{}, len(d.problems)
	isList := d.list(n, "upgrade", func(item *yaml.Node) {
		var u Upgrade
		seen := 0
		ok := d.mapping(item, "an item of upgrade", func(k, v *yaml.Node) {
			if !slices.Contains([]string{"to", "port", "name"}, k.Value) {
				d.unknown(k, " in upgrade", []string{"to", "port", "name"})
				return
			}
			seen++
			if text, ok := d.text(v, "upgrade: "+k.Value); ok {
				if err := u.set(k.Value, text); err != nil {
					d.problem(v, "upgrade: %s: %v", k.Value, err)
				}
			}
		})
		if ok && seen < 3 {
			d.problem(item, "an item of upgrade needs to, port and name")
		}
		upgrades = append(upgrades, u)
	})
	if !isList || len(d.problems) > before {
		return nil
	}
	return func(e *Effective) { e.Upgrade = upgrades }
}

// set sets one part of an upgrade.
func (u *Upgrade) set(key, text string) (err error) {
	switch key {
	case "to":
		u.To, err = parsePrefix(text)
	case "port":
		var port uint64
		if port, err = strconv.ParseUint(text, 10, 16); err != nil || port == 0 {
			return fmt.Errorf("%q is not a port from 1 to 65535", clip(text))
		}
		u.Port = uint16(port)
	case "name":
		if prefix, notAddress := parsePrefix(text); notAddress == nil && prefix.IsSingleIP() {
			u.Name = prefix.Addr().String()
			return nil
		}
		u.Name, err = parseHost(text)
		if strings.HasPrefix(u.Name, "*") {
			return fmt.Errorf("%q must be one name", clip(text))
		}
	}
	return err
}
