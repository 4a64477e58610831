// Package browsertest uses the page of "sojourn demo" as a person does, in
// headless Chromium. It is a module of its own, so that nobody who imports the
// library gets its dependencies.
package browsertest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var (
	address string          // of the running demo
	browser context.Context // of the running Chromium; nil: there is none
)

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "browsertest:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "browsertest")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	stop, err := startDemo(dir)
	if err != nil {
		return 0, err
	}
	defer stop()

	if path := findBrowser(); path != "" {
		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path),
			chromedp.NoSandbox, // containers lack what the sandbox needs; only our own page is opened
			chromedp.UserDataDir(filepath.Join(dir, "profile")),
			chromedp.Flag("disable-quic", true),
			chromedp.Flag("disable-component-update", true),
			chromedp.Flag("hide-scrollbars", false),
		)
		allocator, closeAllocator := chromedp.NewExecAllocator(context.Background(), options...)
		defer closeAllocator()
		ctx, closeBrowser := chromedp.NewContext(allocator)
		defer closeBrowser()
		if err := chromedp.Do(ctx); err != nil {
			return 0, fmt.Errorf("starting %s: %w", path, err)
		}
		browser = ctx
	}
	return m.Run(), nil
}

// startDemo builds the command and runs it on a free port, with its sessions in
// memory. It ends as it would in production, by SIGTERM.
func startDemo(dir string) (stop func(), err error) {
	binary := filepath.Join(dir, "sojourn")
	build := exec.Command("go", "build", "-o", binary, "./cmd/sojourn")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	demo := exec.Command(binary, "demo", "--addr", "127.0.0.1:0")
	var log bytes.Buffer
	demo.Stderr = &log
	out, err := demo.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := demo.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = demo.Process.Signal(syscall.SIGTERM)
		killer := time.AfterFunc(10*time.Second, func() { _ = demo.Process.Kill() })
		defer killer.Stop()
		_ = demo.Wait()
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, after, ok := strings.Cut(lines.Text(), "listening on "); ok {
			address = after
			return stop, nil
		}
	}
	stop()
	return nil, fmt.Errorf("the demo ended before it listened:\n%s", log.Bytes())
}

func findBrowser() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}
