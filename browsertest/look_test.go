package browsertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// contrast evaluates to the contrast ratio (WCAG 2.2, success criterion 1.4.3)
// of an element's text and what is behind it.
const contrast = `(selector => {
	const rgb = text => text.match(/[\d.]+/g).map(Number);
	const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
		.map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
	const element = document.querySelector(selector);
	let behind = element, colour;
	do {
		colour = rgb(getComputedStyle(behind).backgroundColor);
		behind = behind.parentElement;
	} while (colour[3] === 0 && behind);
	const [a, b] = [luminance(rgb(getComputedStyle(element).color)), luminance(colour)];
	return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
})(%q)`

func TestLightAndDark(t *testing.T) {
	background := make(map[string]string)
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			p := open(t, command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			}), chromedp.EmulateViewport(1280, 900))
			p.store("colour", "blue")
			p.store("visits", "12")
			p.store("basket", `["tea","honey"]`)
			p.fill("#login [name=user]", "ada")
			p.click("[data-do=login]")
			p.shows("#user", "ada")
			p.click("[data-do=wrong-token]")
			p.shows("#csrf-form-result.failed", "403")
			for _, selector := range []string{
				"h1", ".lead .muted", ".hint", "#cost-of", "button.primary", "button:not(.primary)", "a.button", "label", ".json",
				"#set-result", "#set-result small", "#csrf-form-result", "#requests td", ".log th", "footer p",
			} {
				if got := js[float64](p, fmt.Sprintf(contrast, selector)); got < 4.5 {
					t.Errorf("%s has a contrast of %.2f; want at least 4.5", selector, got)
				}
			}
			background[scheme] = js[string](p, `getComputedStyle(document.body).backgroundColor`)
		})
	}
	if background["light"] == background["dark"] {
		t.Errorf("the background is %s in both schemes", background["light"])
	}
}

func TestPhoneWidthHasNoSidewaysScrolling(t *testing.T) {
	p := open(t, chromedp.EmulateViewport(360, 740, chromedp.EmulateScale(2), chromedp.EmulateMobile))
	fits := func(when string) {
		t.Helper()
		if width := js[int](p, `document.documentElement.scrollWidth`); width > 360 {
			wide := js[[]string](p, `[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 361).map(e => e.outerHTML.slice(0, 80))`)
			t.Errorf("%s the page is %d pixels wide; want 360 at most; too wide: %q", when, width, wide)
		}
	}
	fits("at first")
	long := strings.Repeat("averylongword", 12)
	p.store(long, strings.Repeat("W", 300))
	p.value(long, "WWW")
	p.store("visits", "12")
	p.store("basket", `["tea","honey"]`)
	p.click("[data-do=token]")
	p.shows("#csrf-form-result", "token")
	p.click("[data-do=stream]")
	p.shows("#streaming-result", "8 events")
	p.click("[data-do=race]")
	p.shows("#races-result", "50 of 50")
	fits("full of values")
}

func TestAccessibleNames(t *testing.T) {
	p := open(t)
	p.store("list", "[]")
	nameless := js[[]string](p, `[...document.querySelectorAll('button, a, input:not([type=hidden])')]
		.filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.[0]?.textContent.trim()))
		.map(e => e.outerHTML)`)
	if len(nameless) > 0 {
		t.Errorf("controls without a name: %q", nameless)
	}
	ids := js[[]string](p, `(ids => ids.filter((id, i) => ids.indexOf(id) !== i))([...document.querySelectorAll('[id]')].map(e => e.id))`)
	if len(ids) > 0 {
		t.Errorf("ids that occur twice: %q", ids)
	}
}

// TestWithoutScripts uses the forms as a browser does that runs no scripts.
func TestWithoutScripts(t *testing.T) {
	p := open(t, command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	p.shows("footer", "Without scripts")
	if js[bool](p, `document.getElementById('races').checkVisibility()`) {
		t.Error("the races are offered, which need scripts")
	}
	p.fill("#key", "colour")
	p.fill("#value", "blue")
	p.follow("#set [data-do=set]")
	p.shows("#flashes", "Stored colour.")
	p.value("colour", `"blue"`)
	p.shows("#session-title", "You have a session")
	p.shows("#idle", "20 min after the last use")

	p.fill("#key", "n")
	p.follow("#set [data-do=increment]")
	p.value("n", "1")
	p.follow(row("n") + " [data-do=increment]")
	p.value("n", "2")
	p.follow(row("colour") + " [data-do=edit]")
	if got := js[string](p, `document.getElementById('value').value`); got != `"blue"` {
		t.Errorf("the form is filled with %s; want the value to edit", got)
	}

	p.fill("#flash-form [name=message]", "hello")
	p.fill("#flash-form [name=queue]", "news")
	p.follow("[data-do=flash]")
	p.shows("#flash-form-result", "hello")
	p.follow("[data-do=pop]")
	p.shows("#flashes", "Popped: hello")

	p.follow("[data-do=new-token]")
	p.follow("[data-do=protected]")
	p.shows("#flashes", "The token was right.")

	p.fill("#timeout [name=seconds]", "90")
	p.follow("[data-do=timeout]")
	p.shows("#idle", "1 min 30 s")

	p.fill("#login [name=user]", "ada")
	p.follow("[data-do=login]")
	p.shows("#user", "ada")
	p.follow(row("colour") + " [data-do=delete]")
	p.noValue("colour")
	p.follow("[data-do=logout]")
	p.shows("#session-title", "You are new here")
	if p.cookie() != nil {
		t.Error("there is a cookie after logging out")
	}
}
