// Asks Prometheus itself when rules fire. For every NAME.yaml in the folder of cases it makes random
// series after NAME.spec (unless -keep), evaluates the groups with Prometheus' package `rules`, and
// writes NAME.series and NAME.golden. Not part of the build or of `make test`, which need no Go:
//
//	cd tests/oracle_rules && go build -mod=mod . && ./oracle_rules -seed 1 cases
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

const (
	step    = 30 * time.Second // of the series, and of the instants that are looked at
	samples = 181              // an hour and a half
	stale   = "stale"
)

// A value of a random walk of the given kind; "_" is a gap.
func values(kind string, low, high float64, random *rand.Rand) []string {
	var out []string
	value := low + (high-low)*random.Float64()
	quiet, gap := 0, 0
	for i := 0; i < samples; i++ {
		if random.Intn(40) == 0 {
			quiet = 3 + random.Intn(25)
		}
		if random.Intn(120) == 0 {
			gap = 1 + random.Intn(14)
			if random.Intn(3) == 0 {
				out = append(out, stale)
				gap--
				i++
			}
		}
		if i >= samples {
			break
		}
		switch kind {
		case "counter":
			if quiet == 0 {
				value += math.Round(low + (high-low)*random.Float64())
			}
			value = math.Round(value)
			if random.Intn(150) == 0 {
				value = 0
			}
		case "gauge":
			if quiet > 0 {
				value += (high - value) * 0.3
			} else {
				value += (low - value) * 0.1 * random.Float64()
			}
			value = math.Round(value*1000) / 1000
		case "flag":
			value = low
			if quiet > 0 {
				value = high
			}
		case "constant":
			value = low
		}
		if quiet > 0 {
			quiet--
		}
		if gap > 0 && kind != "constant" {
			gap--
			out = append(out, "_")
			continue
		}
		out = append(out, strconv.FormatFloat(value, 'g', -1, 64))
	}
	return out[:samples]
}

// kind metric{labels} low high, or: histogram metric{labels} low high le le le
func seriesOf(line string, random *rand.Rand) []string {
	words := strings.Fields(line)
	low, _ := strconv.ParseFloat(words[2], 64)
	high, _ := strconv.ParseFloat(words[3], 64)
	if words[0] != "histogram" {
		return []string{words[1] + " " + strings.Join(values(words[0], low, high, random), " ")}
	}
	name, rest, _ := strings.Cut(words[1], "{")
	rest = strings.TrimSuffix(rest, "}")
	counts := make([]float64, len(words)-4)
	lines := make([][]string, len(words)-4)
	slow := 0
	for i := 0; i < samples; i++ {
		if random.Intn(40) == 0 {
			slow = 5 + random.Intn(25)
		}
		total := 0.0
		for b := range counts {
			more := math.Round(low + (high-low)*random.Float64())
			if slow > 0 && b < len(counts)/2 {
				more = 0
			}
			if slow == 0 && b > len(counts)/2 && random.Intn(4) > 0 {
				more = 0
			}
			counts[b] += more
			total += counts[b]
			lines[b] = append(lines[b], strconv.FormatFloat(total, 'g', -1, 64))
		}
		if slow > 0 {
			slow--
		}
	}
	var out []string
	for b, le := range words[4:] {
		out = append(out, fmt.Sprintf(`%s_bucket{%s,le="%s"} %s`, name, rest, le, strings.Join(lines[b], " ")))
	}
	return append(out, fmt.Sprintf(`%s_count{%s} %s`, name, rest, strings.Join(lines[len(lines)-1], " ")))
}

func generate(spec string, random *rand.Rand) (string, error) {
	text, err := os.ReadFile(spec)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	scanner := bufio.NewScanner(strings.NewReader(string(text)))
	for scanner.Scan() {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		for _, series := range seriesOf(line, random) {
			out.WriteString(series + "\n")
		}
	}
	return out.String(), nil
}

func orderedGroups(file string, p parser.Parser, manager *rules.Manager) ([]*rules.Group, error) {
	groups, errs := manager.LoadGroups(time.Minute, labels.FromStrings("cluster", "blue"), "http://prometheus.example", nil, false, file)
	if errs != nil {
		return nil, errs[0]
	}
	parsed, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, p, promslog.NewNopLogger())
	if errs != nil {
		return nil, errs[0]
	}
	var ordered []*rules.Group
	for _, group := range parsed.Groups {
		ordered = append(ordered, groups[rules.GroupKey(file, group.Name)])
	}
	return ordered, nil
}

// The life of everything: per rule and label set when it became pending, firing and inactive, and
// the annotations of its first firing; per rule when it failed.
type history struct {
	state     map[string]string
	times     map[string]string
	firstText map[string]string
}

func (h *history) note(key, state string, at time.Duration) {
	if h.state[key] == state {
		return
	}
	h.state[key] = state
	h.times[key] += fmt.Sprintf(" %d%s", int(at.Seconds()), state[:1])
}

func (h *history) look(rule *rules.AlertingRule, id string, at time.Duration) {
	seen := map[string]bool{}
	for _, alert := range rule.ActiveAlerts() {
		key := id + "\t" + alert.Labels.String()
		seen[key] = true
		h.note(key, alert.State.String(), at)
		if _, known := h.firstText[key]; !known && alert.State == rules.StateFiring {
			h.firstText[key] = alert.Annotations.String()
		}
	}
	for key := range h.state {
		if strings.HasPrefix(key, id+"\t{") && !seen[key] {
			h.note(key, "inactive", at)
		}
	}
}

func (h *history) String() string {
	var lines []string
	for key, times := range h.times {
		line := key + "\t" + strings.TrimSpace(times)
		if text, fired := h.firstText[key]; fired {
			line += "\t" + text
		}
		lines = append(lines, line+"\n")
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}

func evaluate(file, series string) (string, int, error) {
	p := parser.NewParser(parser.Options{})
	var load strings.Builder
	fmt.Fprintf(&load, "load %s\n", model.Duration(step))
	for _, line := range strings.Split(strings.TrimSpace(series), "\n") {
		load.WriteString("  " + line + "\n")
	}
	suite, err := promqltest.NewLazyLoader(load.String(), promqltest.LazyLoaderOpts{
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: p,
	})
	if err != nil {
		return "", 0, err
	}
	defer suite.Close()
	suite.SubqueryInterval = time.Minute
	query := rules.EngineQueryFunc(suite.QueryEngine(), suite.Storage())
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: query, AppendableV2: suite.Storage(), Context: context.Background(),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
		Logger:     promslog.NewNopLogger(), Parser: p,
	})
	groups, err := orderedGroups(file, p, manager)
	if err != nil {
		return "", 0, err
	}
	count := 0
	for _, group := range groups {
		for _, rule := range group.Rules() {
			count++
			if alert, ok := rule.(*rules.AlertingRule); ok {
				alert.SetRestored(true)
			}
		}
	}
	var out strings.Builder
	h := &history{map[string]string{}, map[string]string{}, map[string]string{}}
	for at := time.Duration(0); at < samples*step; at += step {
		ts := time.Unix(0, 0).UTC().Add(at)
		suite.WithSamplesTill(ts, func(err error) {
			if err != nil {
				panic(err)
			}
			for _, group := range groups {
				if at%group.Interval() != 0 {
					continue
				}
				group.Eval(suite.Context(), ts)
				for index, rule := range group.Rules() {
					id := fmt.Sprintf("%s/%d", group.Name(), index)
					if rule.LastError() != nil {
						h.note(id+"\terror", "error", at)
					} else if h.state[id+"\terror"] == "error" {
						h.note(id+"\terror", "good", at)
					}
					if alert, ok := rule.(*rules.AlertingRule); ok {
						h.look(alert, id, at)
					}
				}
			}
		})
	}
	out.WriteString(h.String())
	// What was recorded, and the series of the alerts, at a few instants.
	for _, at := range []time.Duration{20 * time.Minute, 45 * time.Minute, 90 * time.Minute} {
		for _, expr := range []string{`{__name__=~".*:.*"}`, `{__name__=~"ALERTS.*"}`} {
			vector, err := query(context.Background(), expr, time.Unix(0, 0).UTC().Add(at))
			if err != nil {
				return "", 0, err
			}
			out.WriteString(shown(vector, at))
		}
	}
	return out.String(), count, nil
}

func shown(vector promql.Vector, at time.Duration) string {
	var lines []string
	for _, sample := range vector {
		lines = append(lines, fmt.Sprintf("=%d\t%s\t%s\n", int(at.Seconds()), sample.Metric.String(),
			strconv.FormatFloat(sample.F, 'g', 12, 64)))
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}

func main() {
	seed := flag.Int64("seed", 1, "of the random series")
	keep := flag.Bool("keep", false, "keep the series that are there")
	flag.Parse()
	files, _ := filepath.Glob(filepath.Join(flag.Arg(0), "*.yaml"))
	total := 0
	for _, file := range files {
		base := strings.TrimSuffix(file, ".yaml")
		if !*keep {
			series, err := generate(base+".spec", rand.New(rand.NewSource(*seed)))
			if err == nil {
				err = os.WriteFile(base+".series", []byte(series), 0o644)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		series, _ := os.ReadFile(base + ".series")
		golden, count, err := evaluate(file, string(series))
		if err == nil {
			err = os.WriteFile(base+".golden", []byte(golden), 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%s: %d rules, %d lines\n", filepath.Base(file), count, strings.Count(golden, "\n"))
		total += count
	}
	fmt.Printf("%d rules\n", total)
}
