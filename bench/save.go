//go:build linux

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/secure-socket-api/ssa/bench/report"
)

// save writes what later readers get: figures for programs, drawings for people.
func save(result *report.Report, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	errs := []error{
		write(filepath.Join(dir, "results.json"), result.WriteJSON),
		write(filepath.Join(dir, "results.md"), result.Page),
	}
	for _, row := range result.Rows {
		draw := row.Bars
		if row.Name == "paper" {
			draw = row.Curves
		}
		errs = append(errs, write(filepath.Join(dir, row.Name+".svg"), draw))
	}
	return errors.Join(errs...)
}

func write(file string, content func(io.Writer) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(content(f), f.Close())
}
