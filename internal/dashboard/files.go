package dashboard

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
)

// The page itself has nothing in it that is not for everybody.
//
//go:embed page
var files embed.FS

// kinds are the kinds of files that the page has.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// addFiles serves each file by its name, and index.html as the page.
func addFiles(mux *http.ServeMux) {
	names, err := fs.Glob(files, "page/*")
	if err != nil {
		panic("bug in ssa: the pattern of the dashboard's files is wrong: " + err.Error())
	}
	for _, name := range names {
		at := "/" + path.Base(name)
		if at == "/index.html" {
			at = "/{$}"
		}
		mux.HandleFunc("GET "+at, func(w http.ResponseWriter, r *http.Request) {
			text, err := files.ReadFile(name)
			if err != nil {
				http.Error(w, "this file cannot be read", http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", kinds[path.Ext(name)])
			_, _ = w.Write(text) // the reader has gone
		})
	}
}
