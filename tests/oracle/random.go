package main

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand"
	"strings"
	"time"
)

const (
	worldMinutes    = 30
	questionsWanted = 24
)

// Random well-typed expressions over random series. A case is kept when it means the same on values
// that are a tiny bit off: no threshold lies at a value, nothing hangs on the last digits.
type randomPairs struct {
	r       *rand.Rand
	dropped int
}

func newRandomPairs(seed int64) *randomPairs {
	return &randomPairs{r: rand.New(rand.NewSource(seed))}
}

func (p *randomPairs) pick(choices ...string) string { return choices[p.r.Intn(len(choices))] }

// Series of three metrics, and questions about them.
func (p *randomPairs) world() (string, int, error) {
	exact, shifted := p.series()
	w, other := newWorld(exact), newWorld(shifted)
	defer w.close()
	defer other.close()
	var s strings.Builder
	s.WriteString("clear\n" + exact + "\n")
	kept := 0
	for tries := 0; kept < questionsWanted && tries < 4*questionsWanted; tries++ {
		q := p.question()
		a, err := w.ask(q)
		if err != nil {
			return "", 0, err
		}
		b, err := other.ask(q)
		if err != nil {
			return "", 0, err
		}
		// Failures and empty results are worth a few cases, not most.
		boring := a.err != nil || len(flat(a.value)) == 0
		if !a.near(b) || (boring && p.r.Intn(8) != 0) {
			p.dropped++
			continue
		}
		s.WriteString(a.golden(q, false))
		kept++
	}
	return s.String(), kept, nil
}

// The same series twice: as they are, and with each value off by a part in 10^11 at most.
func (p *randomPairs) series() (string, string) {
	var exact, shifted strings.Builder
	step := p.pick("15s", "30s", "1m")
	for _, s := range []*strings.Builder{&exact, &shifted} {
		fmt.Fprintf(s, "load %s\n", step)
	}
	count := int(worldMinutes * time.Minute / duration(step))
	for _, name := range []string{"up", "used", "req_total"} {
		for _, job := range []string{"a", "b"} {
			for _, instance := range []string{"0", "1", "2"}[:1+p.r.Intn(3)] {
				metric := fmt.Sprintf("  %s{job=%q, instance=%q}", name, job, instance)
				exact.WriteString(metric)
				shifted.WriteString(metric)
				for _, v := range p.points(name, count) {
					exact.WriteString(" " + v.text(false))
					shifted.WriteString(" " + v.text(true))
				}
				exact.WriteString("\n")
				shifted.WriteString("\n")
			}
		}
	}
	return exact.String(), shifted.String()
}

type point struct {
	word  string
	value float64
}

func (v point) text(shifted bool) string {
	if v.word != "" {
		return v.word
	}
	if !shifted {
		return number(v.value)
	}
	h := fnv.New64a()
	fmt.Fprint(h, v.value)
	return number(v.value * (1 + 1e-11*(float64(h.Sum64()%2000)/1000-1)))
}

func (p *randomPairs) points(name string, count int) []point {
	var points []point
	value := float64(p.r.Intn(200))
	missing := p.r.Intn(3) * p.r.Intn(count/2) // a late start, for two of three
	for len(points) < count {
		chance := p.r.Intn(100)
		switch {
		case missing > 0:
			missing--
			points = append(points, point{word: "_"})
			continue
		case chance < 2:
			points = append(points, point{word: "stale"})
			missing = p.r.Intn(12)
			continue
		case chance < 5:
			missing = 1 + p.r.Intn(6)
			continue
		case chance < 6 && name == "used":
			points = append(points, point{word: p.pick("NaN", "NaN", "Inf", "-Inf")})
			continue
		}
		switch name {
		case "up":
			if p.r.Intn(8) == 0 {
				value = 1 - math.Min(value, 1)
			}
			value = math.Min(value, 1)
		case "used":
			value += float64(p.r.Intn(41)-20) / 4
		default:
			value += float64(p.r.Intn(30))
			if p.r.Intn(25) == 0 {
				value = float64(p.r.Intn(10))
			}
		}
		points = append(points, point{value: value})
	}
	return points
}

func (p *randomPairs) question() question {
	expr := p.vector(3)
	if p.r.Intn(12) == 0 {
		expr = p.scalar(2)
	}
	start := time.Duration(p.r.Intn(worldMinutes*60+300)) * time.Second
	if p.r.Intn(2) == 0 {
		return question{expr: expr, start: start, end: start}
	}
	step := time.Duration(10+p.r.Intn(300)) * time.Second
	return question{expr, start, start + step*time.Duration(2+p.r.Intn(5)), step}
}

func (p *randomPairs) selector() string {
	s := p.pick("up", "used", "req_total", "req_total", "used")
	return s + p.pick("", "", `{job="a"}`, `{instance!="1"}`, `{job=~"a|c"}`, `{instance=~"0|2"}`, `{job="nowhere"}`)
}

func (p *randomPairs) modifiers() string {
	if p.r.Intn(4) != 0 {
		return ""
	}
	return p.pick(" offset 1m", " offset 150s", " offset -90s", " @ 600", " @ 901.5", " @ start()", " @ end() offset 30s")
}

func (p *randomPairs) matrix(depth int) string {
	if depth > 0 && p.r.Intn(4) == 0 {
		return fmt.Sprintf("%s[%s:%s]%s", p.operand(depth-1), p.pick("3m", "7m", "10m"), p.pick("", "30s", "1m", "100s"), p.modifiers())
	}
	return fmt.Sprintf("%s[%s]%s", p.selector(), p.pick("45s", "2m", "5m", "11m"), p.modifiers())
}

func (p *randomPairs) operand(depth int) string {
	if depth <= 0 || p.r.Intn(4) == 0 {
		return p.selector()
	}
	return "(" + p.vector(depth) + ")"
}

func (p *randomPairs) threshold() string { return p.pick("0.37", "7.13", "50.61", "-3.17", "120.07") }

func (p *randomPairs) scalar(depth int) string {
	switch p.r.Intn(6) {
	case 0:
		return "time()"
	case 1:
		return fmt.Sprintf("scalar(%s)", p.operand(depth-1))
	case 2:
		return fmt.Sprintf("(%s %s %s)", p.threshold(), p.pick("+", "-", "*", "/"), p.threshold())
	default:
		return p.threshold()
	}
}

func (p *randomPairs) vector(depth int) string {
	if depth <= 0 {
		return p.selector() + p.modifiers()
	}
	switch n := p.r.Intn(20); {
	case n < 2:
		return p.selector() + p.modifiers()
	case n < 8:
		return p.overTime(depth)
	case n < 12:
		return p.aggregate(depth)
	case n < 16:
		return p.binary(depth)
	default:
		return p.call(depth)
	}
}

func (p *randomPairs) overTime(depth int) string {
	name := p.pick("rate", "increase", "delta", "irate", "idelta", "changes", "resets", "deriv", "avg_over_time", "min_over_time", "max_over_time",
		"sum_over_time", "count_over_time", "stddev_over_time", "stdvar_over_time", "last_over_time", "present_over_time", "absent_over_time",
		"quantile_over_time", "predict_linear", "double_exponential_smoothing", "mad_over_time")
	matrix := p.matrix(depth)
	switch name {
	case "quantile_over_time":
		return fmt.Sprintf("%s(%s, %s)", name, p.pick("0", "0.3", "0.5", "0.95", "1"), matrix)
	case "predict_linear":
		return fmt.Sprintf("%s(%s, %s)", name, matrix, p.pick("60", "-300", "3600"))
	case "double_exponential_smoothing":
		return fmt.Sprintf("%s(%s, 0.%d, 0.%d)", name, matrix, 1+p.r.Intn(9), 1+p.r.Intn(9))
	}
	return fmt.Sprintf("%s(%s)", name, matrix)
}

func (p *randomPairs) aggregate(depth int) string {
	grouping := p.pick("", "by (job) ", "by (instance) ", "without (instance) ", "by () ", "without (job) ")
	if p.r.Intn(6) == 0 {
		return fmt.Sprintf("quantile %s(%s, %s)", grouping, p.pick("0.1", "0.5", "0.87"), p.vector(depth-1))
	}
	name := p.pick("sum", "avg", "min", "max", "count", "stddev", "stdvar", "group", "sum", "count")
	return fmt.Sprintf("%s %s(%s)", name, grouping, p.vector(depth-1))
}

func (p *randomPairs) binary(depth int) string {
	left := p.operand(depth - 1)
	switch p.r.Intn(6) {
	case 0:
		return fmt.Sprintf("%s %s %s", left, p.pick("+", "-", "*", "/", "%", "^", "atan2"), p.scalar(depth-1))
	case 1:
		return fmt.Sprintf("%s %s %s%s", left, p.pick(">", "<", ">=", "<=", "!="), p.pick("", "bool "), p.threshold())
	case 2:
		return fmt.Sprintf("%s %s %s%s", left, p.pick("and", "or", "unless"), p.pick("", "on (job) ", "ignoring (instance) ", "on () "), p.operand(depth-1))
	case 3:
		return fmt.Sprintf("%s %s on (job) group_left%s sum by (job) (%s)", left, p.pick("+", "-", "*", "/", ">", "< bool"), p.pick("", " (missing)", " ()"), p.vector(depth-1))
	case 4:
		return fmt.Sprintf("%s %s%s %s", left, p.pick("+", "-", "*", "/", ">", "<= bool"), p.pick("", " ignoring ()", " on (job, instance)"), p.operand(depth-1))
	default:
		return "-" + left
	}
}

func (p *randomPairs) call(depth int) string {
	inner := p.vector(depth - 1)
	switch p.r.Intn(8) {
	case 0:
		return fmt.Sprintf("%s(%s, %s)", p.pick("clamp_min", "clamp_max"), inner, p.threshold())
	case 1:
		return fmt.Sprintf("clamp(%s, -3.1, %s)", inner, p.threshold())
	case 2:
		return fmt.Sprintf(`label_replace(%s, "where", "$1-x", "job", "(.*)")`, inner)
	case 3:
		return fmt.Sprintf(`label_join(%s, "both", "/", "job", "instance")`, inner)
	case 4:
		return fmt.Sprintf("%s(%s)", p.pick("absent", "timestamp"), inner)
	case 5:
		// Of a selector, for what NaN is as a date differs between machines.
		return fmt.Sprintf("%s(%s)", p.pick("hour", "minute", "day_of_year", "days_in_month"), p.pick("up", `req_total{job="a"}`))
	case 6:
		return fmt.Sprintf("vector(%s)", p.scalar(depth-1))
	default:
		return fmt.Sprintf("%s(%s)", p.pick("abs", "sgn", "sqrt", "exp", "ln", "log2", "sin", "cos", "atan", "tanh"), inner)
	}
}
