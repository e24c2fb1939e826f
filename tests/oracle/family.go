package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// Cases about one part of PromQL: series, and what is asked about them.
type family struct {
	name  string
	about string
	load  string
	parts []part
	wrong bool // most of it does not parse
}

func newFamily(name, about, load string, parts []part) family {
	return family{name: name, about: about, load: load, parts: parts}
}

// Every expression at every instant, and over every range.
type part struct {
	instants []string
	ranges   []string // "from to step"
	exprs    []string
}

func (f family) golden() (string, int, error) {
	w := newWorld(f.load)
	defer w.close()
	var s strings.Builder
	fmt.Fprintf(&s, "# %s Answered by Prometheus 3.\n\n%s\n\n", f.about, strings.TrimSpace(f.load))
	count := 0
	for _, p := range f.parts {
		var questions []question
		for _, expr := range p.exprs {
			for _, at := range p.instants {
				t := duration(at)
				questions = append(questions, question{expr: expr, start: t, end: t})
			}
			for _, r := range p.ranges {
				times := strings.Fields(r)
				questions = append(questions, question{expr, duration(times[0]), duration(times[1]), duration(times[2])})
			}
		}
		for _, q := range questions {
			a, err := w.ask(q)
			if _, matrix := a.value.(promql.Matrix); matrix && q.step == 0 {
				return "", 0, fmt.Errorf("%s: an instant query for a range vector", q.expr)
			}
			if err != nil && !f.wrong {
				return "", 0, fmt.Errorf("%s: %v", q.expr, err)
			}
			if err != nil {
				a.err = err
			}
			s.WriteString(a.golden(q, q.step == 0 && ordered(q.expr)))
			count++
		}
	}
	return s.String(), count, nil
}

// Whether the order of the result is defined: equal values apart, which families avoid there.
func ordered(expr string) bool {
	for _, name := range []string{"sort(", "sort_desc(", "sort_by_label(", "sort_by_label_desc(", "topk(", "bottomk("} {
		if strings.HasPrefix(expr, name) {
			return !strings.Contains(expr, ") by (")
		}
	}
	return false
}

func duration(word string) time.Duration {
	if word == "0" {
		return 0
	}
	d, err := time.ParseDuration(word)
	if err != nil {
		panic(err)
	}
	return d
}

// Every text with every word in place of $1, and so on.
func each(texts []string, words ...[]string) []string {
	for i, choices := range words {
		var next []string
		for _, text := range texts {
			for _, word := range choices {
				next = append(next, strings.ReplaceAll(text, fmt.Sprintf("$%d", i+1), word))
			}
		}
		texts = next
	}
	return texts
}
