package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
)

// What a Prometheus 3 server does when nothing is configured, but that experimental functions and
// duration expressions are read, and that subqueries without a step take one minute, as in
// promqltest.
func newEngine() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		MaxSamples:               1_000_000,
		Timeout:                  100 * time.Second,
		NoStepSubqueryIntervalFn: func(int64) int64 { return 60_000 },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		Parser: parser.NewParser(parser.Options{
			EnableExperimentalFunctions: true,
		}),
	})
}

// As much of a test as Prometheus' own storage for tests asks for.
type bench struct {
	testing.TB
	cleanups []func()
}

func (*bench) Helper()                        {}
func (b *bench) Cleanup(f func())             { b.cleanups = append(b.cleanups, f) }
func (*bench) Name() string                   { return "oracle" }
func (*bench) Logf(string, ...any)            {}
func (*bench) Log(...any)                     {}
func (*bench) Failed() bool                   { return false }
func (*bench) FailNow()                       { panic("a series could not be loaded") }
func (*bench) Fatal(a ...any)                 { panic(fmt.Sprint(a...)) }
func (*bench) Error(a ...any)                 { panic(fmt.Sprint(a...)) }
func (*bench) Context() context.Context       { return context.Background() }
func (*bench) Errorf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
func (*bench) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
func (b *bench) TempDir() string {
	dir, err := os.MkdirTemp("", "oracle")
	if err != nil {
		panic(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (b *bench) close() {
	for i := len(b.cleanups) - 1; i >= 0; i-- {
		b.cleanups[i]()
	}
}

// Series and the engine that is asked about them.
type world struct {
	b       *bench
	storage storage.Storage
	engine  *promql.Engine
}

func newWorld(load string) *world {
	b := &bench{}
	return &world{b: b, storage: promqltest.LoadedStorage(b, load), engine: newEngine()}
}

func (w *world) close() {
	w.storage.Close()
	w.b.close()
}

type question struct {
	expr       string
	start, end time.Duration // the same for an instant
	step       time.Duration // 0: an instant
}

func (q question) head() string {
	if q.step == 0 {
		return fmt.Sprintf("eval instant at %s %s", words(q.start), q.expr)
	}
	return fmt.Sprintf("eval range from %s to %s step %s %s", words(q.start), words(q.end), words(q.step), q.expr)
}

// A duration in words of Prometheus.
func words(d time.Duration) string {
	switch ms := d.Milliseconds(); {
	case ms == 0:
		return "0"
	case ms%60_000 == 0:
		return fmt.Sprintf("%dm", ms/60_000)
	case ms%1000 == 0:
		return fmt.Sprintf("%ds", ms/1000)
	default:
		return fmt.Sprintf("%dms", ms)
	}
}

type answer struct {
	value           parser.Value
	err             error
	warnings, infos []string
}

// When an annotation says from which instant to which: cases are asked again at others. How often is
// counted anew each time two of them are merged, so that it is no count over a range.
var times = regexp.MustCompile(`over [0-9]+ samples from \d[^ ]*Z to [^ ]*Z `)

// Where in the query. Of what is said at two places and at several instants, only one place is kept.
var place = regexp.MustCompile(`\\\(\d+:\d+\\\)$`)

// Whether cases say which warnings and infos there are.
var withAnnotations = true

var errSyntax = errors.New("does not parse")

func (w *world) ask(q question) (answer, error) {
	ctx := context.Background()
	at := func(d time.Duration) time.Time { return time.Unix(0, 0).UTC().Add(d) }
	var query promql.Query
	var err error
	if q.step == 0 {
		query, err = w.engine.NewInstantQuery(ctx, w.storage, nil, q.expr, at(q.start))
	} else {
		query, err = w.engine.NewRangeQuery(ctx, w.storage, nil, q.expr, at(q.start), at(q.end), q.step)
	}
	if err != nil {
		return answer{}, fmt.Errorf("%w: %s: %w", errSyntax, q.expr, err)
	}
	defer query.Close()
	result := query.Exec(ctx)
	a := answer{err: result.Err}
	if a.err != nil {
		return a, nil
	}
	a.warnings, a.infos = result.Warnings.AsStrings(q.expr, 0, 0)
	sort.Strings(a.warnings)
	sort.Strings(a.infos)
	switch v := result.Value.(type) {
	case promql.Vector:
		a.value = append(promql.Vector{}, v...)
	case promql.Matrix:
		m := promql.Matrix{}
		for _, s := range v {
			m = append(m, promql.Series{Metric: s.Metric, Floats: append([]promql.FPoint{}, s.Floats...)})
		}
		a.value = m
	default:
		a.value = v
	}
	return a, nil
}

func number(v float64) string {
	if value.IsStaleNaN(v) {
		return "stale"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// Labels as a line of promqltest names them: always in quotes where they must be.
func metric(l labels.Labels) string {
	var parts []string
	name := ""
	l.Range(func(label labels.Label) {
		switch {
		case label.Name == labels.MetricName && plain(label.Value):
			name = label.Value
		case label.Name == labels.MetricName:
			parts = append(parts, strconv.Quote(label.Value))
		case plain(label.Name) && !strings.Contains(label.Name, ":"):
			parts = append(parts, label.Name+"="+strconv.Quote(label.Value))
		default:
			parts = append(parts, strconv.Quote(label.Name)+"="+strconv.Quote(label.Value))
		}
	})
	if name != "" && len(parts) == 0 {
		return name
	}
	return name + "{" + strings.Join(parts, ", ") + "}"
}

func plain(name string) bool {
	for i, c := range name {
		letter := c == '_' || c == ':' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// The case as lines of promqltest.
func (a answer) golden(q question, ordered bool) string {
	var s strings.Builder
	s.WriteString(q.head() + "\n")
	line := func(format string, args ...any) { fmt.Fprintf(&s, "  "+format+"\n", args...) }
	if a.err != nil {
		// Which of the series are named depends on the order of the storage, what is wrong with a
		// regular expression on the library; a line cannot end in a space.
		m := a.err.Error()
		if strings.Contains(m, "duplicate series") || strings.Contains(m, "regular expression") || strings.HasSuffix(m, " ") || errors.Is(a.err, errSyntax) {
			line("expect fail")
		} else {
			line("expect fail msg: %s", m)
		}
		s.WriteString("\n")
		return s.String()
	}
	annotations := func(kind string, messages []string) {
		if len(messages) == 0 {
			line("expect no_%s", kind)
		}
		for _, m := range messages {
			pattern := regexp.QuoteMeta(m)
			pattern = times.ReplaceAllString(pattern, "over [0-9]+ samples from [^ ]+ to [^ ]+ ")
			if q.step != 0 {
				pattern = place.ReplaceAllString(pattern, `\([0-9]+:[0-9]+\)$`)
			}
			if pattern == regexp.QuoteMeta(m) {
				line("expect %s msg: %s", kind, m)
			} else {
				line("expect %s regex: ^%s", kind, pattern)
			}
		}
	}
	if withAnnotations {
		annotations("warn", a.warnings)
		annotations("info", a.infos)
	}
	switch v := a.value.(type) {
	case promql.Scalar:
		line("%s", number(v.V))
	case promql.String:
		line("expect string %s", strconv.Quote(v.V))
	case promql.Vector:
		if ordered {
			line("expect ordered")
		}
		for _, sample := range v {
			line("%s %s", metric(sample.Metric), number(sample.F))
		}
	case promql.Matrix:
		for _, series := range v {
			line("%s%s", metric(series.Metric), points(q, series))
		}
	}
	s.WriteString("\n")
	return s.String()
}

func points(q question, series promql.Series) string {
	var s strings.Builder
	at := 0
	for t := q.start.Milliseconds(); at < len(series.Floats); t += q.step.Milliseconds() {
		if series.Floats[at].T == t {
			s.WriteString(" " + number(series.Floats[at].F))
			at++
		} else {
			s.WriteString(" _")
		}
	}
	return s.String()
}

// Whether two answers are the same but for what rounding may do: then a case is worth keeping.
func (a answer) near(b answer) bool {
	if (a.err == nil) != (b.err == nil) {
		return false
	}
	if a.err != nil {
		return a.err.Error() == b.err.Error()
	}
	x, y := flat(a.value), flat(b.value)
	if len(x) != len(y) || len(a.warnings) != len(b.warnings) || len(a.infos) != len(b.infos) {
		return false
	}
	for key, v := range x {
		u, ok := y[key]
		if !ok || !nearNumbers(v, u) {
			return false
		}
	}
	return true
}

func nearNumbers(a, b float64) bool {
	if a == b || (math.IsNaN(a) && math.IsNaN(b)) {
		return true
	}
	return math.Abs(a-b) <= 1e-8*(math.Abs(a)+math.Abs(b))
}

func flat(v parser.Value) map[string]float64 {
	numbers := map[string]float64{}
	switch v := v.(type) {
	case promql.Scalar:
		numbers["scalar"] = v.V
	case promql.Vector:
		for _, s := range v {
			numbers[s.Metric.String()] = s.F
		}
	case promql.Matrix:
		for _, s := range v {
			for _, p := range s.Floats {
				numbers[fmt.Sprint(s.Metric, p.T)] = p.F
			}
		}
	}
	return numbers
}
