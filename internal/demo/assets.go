package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"time"
)

//go:embed static templates
var files embed.FS

// assets are the page's static files by their names. They are public, the same
// for everybody, and answered without a look at the session.
type assets map[string]asset

type asset struct {
	data    []byte
	version string
}

func loadAssets() assets {
	entries, err := files.ReadDir("static")
	if err != nil {
		panic(err) // a mistake in the program
	}
	all := make(assets)
	for _, e := range entries {
		data, err := files.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(data)
		all[e.Name()] = asset{data, hex.EncodeToString(sum[:8])}
	}
	return all
}

// url names the version too, so that a browser may keep what it has.
func (all assets) url(name string) string { return "/static/" + name + "?v=" + all[name].version }

func (a *app) serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	file, ok := a.assets[name]
	if !ok {
		a.answerError(w, r, &failure{http.StatusNotFound, "there is nothing at this address"})
		return
	}
	if r.URL.Query().Get("v") == file.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		w.Header().Set("Cache-Control", "public, no-cache")
	}
	w.Header().Set("ETag", `"`+file.version+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(file.data))
}
